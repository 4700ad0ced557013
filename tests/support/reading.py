"""How much a use of the database reads, whatever statements and roles it takes."""

from collections.abc import Awaitable, Callable
from typing import cast

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from core.database import Database
from tests.support.rows import Rows


async def read_of_orders(rows: Rows, url: str, use: Callable[[Database], Awaitable[object]]) -> int:
    """Return how many entries of the indexes of orders a use of the database reads.

    It has connections of its own: Postgres counts what one has read when it ends, at the latest.
    """
    database, others, before = Database(url), await _connections(rows), await _entries(rows)
    await use(database)
    await database.close()
    gone = AsyncRetrying(
        stop=stop_after_delay(10), wait=wait_fixed(0.02), retry=retry_if_result(lambda left: cast("int", left) > others)
    )
    await gone(_connections, rows)
    return await _entries(rows) - before


async def _connections(rows: Rows) -> int:
    sql = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
    return cast("int", (await rows.one(sql))["n"])


async def _entries(rows: Rows) -> int:
    sql = """
    SELECT coalesce(sum(idx_tup_read), 0)::BIGINT AS n FROM pg_stat_user_indexes
    WHERE indexrelname LIKE 'deliveries%turns_idx'
    """
    return cast("int", (await rows.one(sql))["n"])
