"""The one loop around every background job: a turn, then a pause, unless there was work or a wake-up."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

STORE_ERRORS: Final = (SQLAlchemyError, OSError, TimeoutError)

_log: Final = structlog.stdlib.get_logger()


class Report(Protocol):
    """What a turn did."""

    @property
    def worked(self) -> bool:
        """Whether another turn should follow at once."""
        ...


async def repeat(
    name: str, run_once: Callable[[], Awaitable[Report]], *, pause: float, stopping: asyncio.Event
) -> None:
    """Run turns until `stopping` is set; a store that is away costs a pause, never the loop."""
    while not stopping.is_set():
        try:
            worked = (await run_once()).worked
        except STORE_ERRORS as error:
            _log.warning("loop.failed", loop=name, error=type(error).__name__, detail=str(error)[:300])
            worked = False
        if not worked:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
