"""Waiting for what may never come: an answer, an event, the end of a task."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Final, TypeVar

T = TypeVar("T")
_SLICES: Final = 10
_AGAIN: Final = 1.0
"""Seconds that a cancelled task has to end before it is cancelled again."""


async def within(seconds: float, work: Coroutine[None, None, T]) -> T:
    """Return what `work` gives; raise `TimeoutError` after so many seconds, and then do not wait for its end.

    What is given up may take seconds to die: a connection that says nothing does. Seconds in which this process itself
    stood still count as a tenth of the limit at the most, for what it waits for may have come meanwhile.
    """
    task = asyncio.create_task(work)
    try:
        for _ in range(_SLICES):
            done, _ = await asyncio.wait({task}, timeout=seconds / _SLICES)
            if done:
                return task.result()
    except asyncio.CancelledError:
        _give_up(task)
        raise
    _give_up(task)
    raise TimeoutError


async def came(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, so many seconds at most; tell whether it came.

    A cancellation ends it in any case. `asyncio.wait_for` of Python 3.11 swallows one that comes with the event.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Turns:
    """Work that lets nothing else run meanwhile goes one at a time, each with a pause as long as itself."""

    def __init__(self) -> None:
        """Let the first one go."""
        self._turn: Final = asyncio.Lock()

    @asynccontextmanager
    async def take(self, seconds: float) -> AsyncGenerator[None]:
        """Wait for a turn, so many seconds at most; raise `TimeoutError` if there is none."""
        async with asyncio.timeout(seconds):
            await self._turn.acquire()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        finally:
            loop.call_later(loop.time() - began, self._turn.release)


async def end_all(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and return once all of them have ended, whatever became of them.

    One that goes on is cancelled again: libraries swallow a cancellation now and then, and a task that repeats
    something would never end. redis-py writes in `asyncio.wait_for`, see `came`.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)


def _give_up(task: asyncio.Task[T]) -> None:
    """End a task whose end nobody waits for, whatever it is."""
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    task.cancel()
