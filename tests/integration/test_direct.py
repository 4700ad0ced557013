"""Single statements in the driver: the same answers, errors and recoveries as through SQLAlchemy."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from core import direct
from core.database import Database, fetch_one, is_away
from core.direct import NoDirectConnectionsError
from tests.support.stores import PostgresServer, ask

BACKEND = "SELECT pg_backend_pid() AS pid, CAST(:value AS TEXT) AS value"


def row(**values: object) -> Mapping[str, object]:
    return values


async def pid_of(database: Database) -> object:
    async with database.statement() as tx:
        found = await fetch_one(tx, row, BACKEND, value="x")
    assert found is not None
    return found["pid"]


async def test_values_come_as_through_sqlalchemy(database: Database) -> None:
    sql = """
    SELECT CAST(:text AS TEXT) AS text, CAST(:id AS UUID) AS id, CAST(:at AS TIMESTAMPTZ) AS at,
           CAST(:json AS JSONB) AS json, CAST(:bytes AS BYTEA) AS bytes, CAST(:text AS TEXT) || 'y' AS twice
    """
    values: dict[str, object] = {
        "text": "a",
        "id": UUID(int=7),
        "at": datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC),
        "json": '{"k": [1, null]}',
        "bytes": b"\x00\xff",
    }

    async with database.statement() as single, database.engine() as usual:
        found, same = await fetch_one(single, row, sql, **values), await fetch_one(usual, row, sql, **values)

    assert found == same
    assert found == values | {"json": {"k": [1, None]}, "twice": "ay"}


async def test_a_statement_that_is_wrong_is_no_store_that_is_away(database: Database) -> None:
    async with database.statement() as tx:
        with pytest.raises(DBAPIError, match="division by zero") as raised:
            await fetch_one(tx, row, "SELECT 1 / CAST(:none AS INTEGER) AS x", none=0)

    assert not is_away(raised.value)


async def test_an_error_does_not_quote_the_values(database: Database) -> None:
    async with database.statement() as tx:
        with pytest.raises(DBAPIError) as raised:
            await fetch_one(tx, row, "SELECT CAST(CAST(:secret AS BYTEA) AS TEXT)::INTEGER AS x", secret=b"private")

    assert "private" not in str(raised.value)


async def test_each_statement_is_a_transaction_of_its_own(database: Database) -> None:
    sql = "SELECT pg_current_xact_id()::TEXT AS id"

    async with database.statement() as tx:
        first, second = await fetch_one(tx, row, sql), await fetch_one(tx, row, sql)

    assert first != second


async def test_a_connection_that_was_just_used_is_used_again(database: Database) -> None:
    assert await pid_of(database) == await pid_of(database)


async def test_a_connection_that_was_lost_is_replaced(postgres: PostgresServer, database: Database) -> None:
    lost = await pid_of(database)
    async with database.statement() as tx:
        ask(postgres.store.url_of("postgres", user="postgres"), f"SELECT pg_terminate_backend({lost})")
        with pytest.raises(DBAPIError) as raised:
            await fetch_one(tx, row, BACKEND, value="x")

    assert is_away(raised.value)
    assert await pid_of(database) != lost


@asynccontextmanager
async def stopped(pid: object) -> AsyncGenerator[None]:
    """Have a server process say nothing for a while, as a host that is gone."""
    os.kill(int(str(pid)), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(int(str(pid)), signal.SIGCONT)


async def test_a_connection_that_says_nothing_is_replaced(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(database_url, patience=1)
    monkeypatch.setattr(direct, "IDLE", -1.0)

    silent = await pid_of(database)
    async with stopped(silent):
        other = await pid_of(database)

    await database.close()
    assert other != silent


async def test_whoever_comes_while_all_are_lent_waits(database: Database) -> None:
    async with database.statement():
        waiting = asyncio.create_task(pid_of(database))
        await asyncio.wait([waiting], timeout=0.05)
        waited = not waiting.done()

    assert waited
    assert await waiting is not None


async def test_a_process_that_was_given_none_is_told_so_instead_of_waiting(database_url: str) -> None:
    without = Database(database_url, direct=0)

    with pytest.raises(NoDirectConnectionsError):
        await pid_of(without)


async def test_a_process_that_was_given_none_has_its_transactions(database_url: str) -> None:
    without = Database(database_url, size=1, direct=0)

    async with without.engine() as tx:
        found = await fetch_one(tx, row, BACKEND, value="x")
    await without.close()

    assert found is not None
