"""Run the migrations as the owner of the tables, through the driver that the processes use."""

import asyncio
import os
import re
import sys
from typing import Final

from alembic import context
from sqlalchemy import Connection

from core.database import open_engine
from core.model.tables import metadata
from migrations.roles import RolesNotReadyError, prepare_roles

_PARTITION: Final = re.compile(r"(events|deliveries|attempts)_p\d{8}|dedupe_\d+")


def _include(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out partitions: they come and go with time."""
    return kind != "table" or name is None or _PARTITION.fullmatch(name) is None


def _run(connection: Connection) -> None:
    prepare_roles(connection)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=_include,
        compare_server_default=True,
        transaction_per_migration=True,  # some commit in between: whatever ran to its end stays
    )
    with context.begin_transaction():
        context.run_migrations()


async def _main(url: str) -> None:
    engine = open_engine(url, None, pooled=False, patience=None)  # an index may take hours
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


_url: Final = os.environ.get("RINGBACK_DATABASE_URL")
if not _url:
    sys.exit("RINGBACK_DATABASE_URL is not set")
try:
    asyncio.run(_main(_url))
except RolesNotReadyError as error:
    sys.exit(str(error))
except OSError as error:
    sys.exit(f"the database at RINGBACK_DATABASE_URL cannot be reached: {error}")
