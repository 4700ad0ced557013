"""Deadlines of requests: one timer for all of them, which looks twenty times a second.

`asyncio.timeout` arms a timer for each request and cancels it a few milliseconds later: a tenth of what a delivery
costs. Here a request goes into the slot of the moment at which it has to end, and mostly leaves it by itself.
"""

import asyncio
import math
from collections import defaultdict
from types import TracebackType
from typing import Final, Protocol, Self

from core.clock import monotonic

TICK: Final = 0.05
"""Seconds: a request ends so much after its deadline at most."""


class Expiring(Protocol):
    """What has a deadline."""

    def expire(self) -> None:
        """End: the time is up."""
        ...


class Deadline:
    """Cancels the task that entered it once its time is up: `TimeoutError`, as `asyncio.timeout` says it."""

    __slots__ = ("_at", "_cancelling", "_deadlines", "_expired", "_slot", "_task")

    def __init__(self, deadlines: "Deadlines", at: float) -> None:
        self._deadlines = deadlines
        self._at = at
        self._slot = 0
        self._expired = False
        self._cancelling = 0
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a deadline needs a task")
        self._cancelling = self._task.cancelling()
        self._slot = self._deadlines.add(self._at, self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        task, self._task = self._task, None
        self._deadlines.drop(self._slot, self)
        # Somebody else's cancellation goes on, even if the time was up as well.
        if self._expired and task is not None and task.uncancel() <= self._cancelling and _is_cancelled(kind):
            raise TimeoutError from error

    def expire(self) -> None:
        """End the task's request."""
        if self._task is not None:
            self._expired = True
            self._task.cancel()


class Deadlines:
    """All deadlines of one event loop."""

    def __init__(self) -> None:
        self._slots: Final[defaultdict[int, set[Expiring]]] = defaultdict(set)
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0

    def after(self, seconds: float) -> Deadline:
        """Return a deadline for the task that enters it: `with deadlines.after(15): …`."""
        return Deadline(self, monotonic() + seconds)

    def add(self, at: float, deadline: Expiring) -> int:
        """Watch a deadline until a monotonic time; return the slot that it is in."""
        if self._timer is None:
            self._next = math.floor(monotonic() / TICK)
            self._arm()
        slot = max(math.ceil(at / TICK), self._next)
        self._slots[slot].add(deadline)
        return slot

    def drop(self, slot: int, deadline: Expiring) -> None:
        """Watch it no more; of one that is gone already nothing is left to do."""
        there = self._slots.get(slot)
        if there is None:
            return
        there.discard(deadline)
        if not there:
            del self._slots[slot]

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK, self._look)

    def _look(self) -> None:
        loop, now = asyncio.get_running_loop(), math.floor(monotonic() / TICK)
        for slot in range(self._next, now + 1):
            for deadline in self._slots.pop(slot, ()):
                loop.call_soon(deadline.expire)  # what one of them raises must not keep the others
        self._next = now + 1
        self._timer = None
        if self._slots:
            self._arm()


def _is_cancelled(kind: type[BaseException] | None) -> bool:
    return kind is not None and issubclass(kind, asyncio.CancelledError)
