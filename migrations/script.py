"""How revisions run their statements: as SQL that lies beside them, or beside those who write."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from alembic import op
from sqlalchemy import text
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


_WITHOUT: Final = """
SELECT p.inhrelid::REGCLASS::TEXT FROM pg_inherits p WHERE p.inhparent = CAST(:parent AS REGCLASS) AND NOT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid
    WHERE i.inhparent = CAST(:index AS REGCLASS) AND x.indrelid = p.inhrelid)
"""


def index_partitions(table: str, name: str, definition: str) -> None:
    """Build an index of a partitioned table beside those who write; what an earlier try left is built again.

    `CREATE INDEX CONCURRENTLY` knows no partitioned tables: the index begins empty, on the table alone, which locks
    writers out for a moment; each partition's is built beside them, and becomes a part of it. A partition that is made
    meanwhile gets its own by itself.
    """
    op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY {table} {definition}")
    with beside_writers():
        missing = op.get_bind().scalars(text(_WITHOUT), {"parent": table, "index": name}).all()
        for partition in missing:
            part = f"{partition}_{name.removeprefix(table + '_')}"
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {part}")
            op.execute(f"CREATE INDEX CONCURRENTLY {part} ON {partition} {definition}")
            op.execute(f"ALTER INDEX {name} ATTACH PARTITION {part}")
