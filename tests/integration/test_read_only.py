"""A server that takes no writes any more: the store is away, and the next connection may lead to one that does."""

import pytest
from sqlalchemy.exc import DBAPIError

from core.database import Database, execute, fetch_one, is_away

READ_ONLY = "SET default_transaction_read_only = on"
WRITE = "CREATE TEMPORARY TABLE written (n INTEGER)"
BACKEND = "SELECT pg_backend_pid()::TEXT AS id"


async def test_a_transaction_that_may_not_write_says_that_the_store_is_away(database_url: str) -> None:
    database = Database(database_url, size=1, direct=0)
    async with database.engine() as tx:
        before = await fetch_one(tx, dict[str, str], BACKEND)
        await execute(tx, READ_ONLY)

    with pytest.raises(DBAPIError) as raised:
        async with database.engine() as tx:
            await execute(tx, WRITE)

    async with database.engine() as tx:
        after = await fetch_one(tx, dict[str, str], BACKEND)
    await database.close()
    assert is_away(raised.value)
    assert after != before


async def test_a_statement_that_may_not_write_has_its_connection_replaced(database: Database) -> None:
    async with database.statement() as tx:
        before = await fetch_one(tx, dict[str, str], BACKEND)
        await tx.fetch(READ_ONLY, {})

    async with database.statement() as tx:
        with pytest.raises(DBAPIError) as raised:
            await tx.fetch(WRITE, {})

    async with database.statement() as tx:
        after = await fetch_one(tx, dict[str, str], BACKEND)
    assert is_away(raised.value)
    assert after != before
