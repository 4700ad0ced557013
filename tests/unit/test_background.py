import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import OperationalError, ProgrammingError
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.background import repeat
from core.patience import end_all


class RefusedError(Exception):
    """What Postgres says of a statement that is wrong."""

    sqlstate = "42P01"


class Turns:
    """Break, each in its own way, and then go well."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.well = asyncio.Event()

    async def take(self) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.well.set()


async def logs_of(turns: Turns) -> list[EventDict]:
    with capture_logs() as logs:
        task = asyncio.create_task(repeat("some", turns.take, pause=0))
        async with asyncio.timeout(60):
            await turns.well.wait()
            await end_all(task)
    return logs


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, Exception("gone")),
        RedisConnectionError("gone"),
        RedisTimeoutError("gone"),
        OSError("gone"),
        TimeoutError(),
    ],
)
async def test_a_store_that_is_away_costs_a_turn(error: Exception) -> None:
    assert await logs_of(Turns(error)) == []


@pytest.mark.parametrize(
    "error",
    [
        KeyError("what nobody thought of"),
        ProgrammingError("SELECT 1", {}, RefusedError("no such table")),
        NoPermissionError("no such channel for you"),
    ],
)
async def test_a_mistake_costs_a_turn_and_is_told(error: Exception) -> None:
    (log,) = await logs_of(Turns(error))
    assert (log["event"], log["task"], log["log_level"], log["exc_info"]) == (
        "background.failed",
        "some",
        "error",
        True,
    )


async def test_a_mistake_that_stays_is_told_once() -> None:
    assert len(await logs_of(Turns(KeyError("a"), OSError("gone"), KeyError("a"), KeyError("a")))) == 1
