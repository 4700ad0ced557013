"""Waiting for an answer that may never come."""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar

T = TypeVar("T")
_SLICES: Final = 10


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


def _give_up(task: asyncio.Task[T]) -> None:
    """End a task whose end nobody waits for, whatever it is."""
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    task.cancel()
