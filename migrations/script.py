"""How revisions run their statements: as SQL that lies beside them, or beside those who write."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from alembic import op
from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection


class _Driver(Protocol):
    async def execute(self, query: str) -> str: ...


def run_beside(revision_file: str) -> None:
    """Run `NNNN_….sql` of the same name, inside the migration's transaction."""
    script = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    adapted = op.get_bind().connection.dbapi_connection
    if not isinstance(adapted, AsyncAdapt_dbapi_connection):
        message = "migrations run through asyncpg"
        raise TypeError(message)

    async def run(connection: _Driver) -> None:
        await connection.execute(script)  # the simple protocol: many statements in one go

    adapted.run_async(run)


@contextmanager
def beside_writers() -> Generator[None]:
    """Run `CREATE INDEX CONCURRENTLY` and its like, each as a transaction of its own; what came before is committed.

    They wait for every transaction that is under way, as long as that takes; nobody waits for them.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        yield
        op.execute("RESET lock_timeout")
