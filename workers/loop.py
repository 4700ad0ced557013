"""The one loop around every background job: a turn, then a pause, unless there was work or a wake-up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core import clock
from core.database import is_away
from core.model.errors import UnavailableError
from core.patience import came

T = TypeVar("T")

STORE_ERRORS: Final = (SQLAlchemyError, OSError, TimeoutError, UnavailableError)
"""What passes: a store that is away, or one whose rows change faster than they can be used."""
POISON: Final = (SQLAlchemyError, UnavailableError)
"""What one row among others may raise: the others have to go on without it."""

_log: Final = structlog.stdlib.get_logger()


class Report(Protocol):
    """What a turn did."""

    @property
    def worked(self) -> bool:
        """Whether another turn should follow at once."""
        ...

    @property
    def hurry(self) -> bool:
        """Whether another turn should follow soon: something is about to make room."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn after which there is no haste."""

    worked: bool = False
    hurry: bool = False


IDLE: Final = Turn()
HURRIED: Final = 0.05
AGAIN: Final = 10.0
"""Seconds until a turn that failed is tried again, where its pause is longer."""


def first_line(error: Exception) -> str:
    """Return what an error says first: what follows may quote rows."""
    return str(error).partition("\n")[0][:200]


async def one_by_one(event: str, keys: Sequence[UUID], work: Callable[[UUID], Awaitable[int]]) -> int:
    """Do something for each row by itself, and return the sum; log, as `event`, which of them cannot be done.

    Raises what a store that is away raises: that is no row's fault.
    """
    done = 0
    for key in keys:
        try:
            done += await work(key)
        except POISON as error:
            if is_away(error):
                raise
            _log.error(event, row=str(key), detail=first_line(error))
    return done


async def tolerated(event: str, work: Awaitable[T], otherwise: T) -> T:
    """Do one of several things of a turn; where it fails, as it may take too long, log `event` and go on without it."""
    try:
        return await work
    except STORE_ERRORS as error:
        _log.warning(event, error=type(error).__name__, detail=first_line(error))
        return otherwise


async def repeat(
    name: str, run_once: Callable[[], Awaitable[Report]], *, pause: float, stopping: asyncio.Event
) -> None:
    """Run turns until `stopping` is set; a store that is away costs a pause, a short one, never the loop."""
    while not stopping.is_set():
        try:
            report: Report = await run_once()
        except STORE_ERRORS as error:
            _log.warning("loop.failed", loop=name, error=type(error).__name__, detail=first_line(error))
            await came(stopping, min(pause, AGAIN))
            continue
        if not report.worked:
            await came(stopping, min(pause, HURRIED) if report.hurry else pause)


class Pace:
    """Lets a loop turn at once when it has rested, and no sooner than so many seconds after its last turn.

    Under load each turn then carries what came meanwhile; an idle system waits for nothing.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds: Final = seconds
        self._last = -seconds

    async def wait(self, seconds: float | None = None) -> None:
        """Wait for the next turn, so many seconds after the last one if told, and count it."""
        rest = self._last + (self._seconds if seconds is None else seconds) - clock.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)
        self._last = clock.monotonic()
