"""A connection to Postgres may end, or be given up, while it is being set up."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, Protocol, cast

import pytest
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.exc import DBAPIError

from core.database import Database, is_away

STEPS = ["setup_asyncpg_json_codec", "setup_asyncpg_jsonb_codec"]


class Driver(Protocol):
    """What of asyncpg's connection is looked at."""

    def terminate(self) -> None: ...

    def is_closed(self) -> bool: ...


class Adapted(Protocol):
    """SQLAlchemy's view of it."""

    driver_connection: Driver


Step = Callable[[PGDialect_asyncpg, Adapted], Awaitable[None]]


class SetUps:
    """Sees connections being set up, and does something to each at a step."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, step: str, meanwhile: Callable[[Driver], Awaitable[None]]
    ) -> None:
        self.seen: Final[list[Driver]] = []
        self.begun: Final = asyncio.Event()
        as_usual = cast("Step", getattr(PGDialect_asyncpg, step))

        async def set_up(dialect: PGDialect_asyncpg, conn: Adapted) -> None:
            self.seen.append(conn.driver_connection)
            self.begun.set()
            await meanwhile(conn.driver_connection)
            await as_usual(dialect, conn)

        monkeypatch.setattr(PGDialect_asyncpg, step, set_up)


async def end(driver: Driver) -> None:
    driver.terminate()


async def stand_still(_: Driver) -> None:
    await asyncio.Event().wait()


async def connect(database: Database, how: str) -> None:
    async with database.statement() if how == "statement" else database.engine():
        pass


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """A process's pools, with no connection yet."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.mark.parametrize("how", ["statement", "transaction"])
@pytest.mark.parametrize("step", STEPS)
async def test_one_that_ends_meanwhile_is_a_store_that_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: str, how: str
) -> None:
    with monkeypatch.context() as patch:
        SetUps(patch, step, end)
        with pytest.raises(DBAPIError) as raised:
            await connect(database, how)

    assert is_away(raised.value)
    await connect(database, how)


@pytest.mark.parametrize("step", STEPS)
async def test_one_that_nobody_waits_for_any_more_is_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        set_ups = SetUps(patch, step, stand_still)
        connecting = asyncio.create_task(connect(database, "transaction"))
        await set_ups.begun.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    assert [driver.is_closed() for driver in set_ups.seen] == [True]
    await connect(database, "transaction")
