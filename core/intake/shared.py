"""Group commit: what comes while a transaction runs shares the next one.

```
add ──► waiting ──► work on a group, one group at a time ──► each its own answer, after the commit
```
Nothing lingers: what has queued while the last commit ran goes next.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Generator, Hashable, Sequence
from contextlib import contextmanager
from typing import Final, Generic, Protocol, TypeVar

import msgspec
import structlog
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from core import clock
from core.database import is_away
from core.model.errors import UnavailableError

W = TypeVar("W")
R = TypeVar("R")
A_contra = TypeVar("A_contra", contravariant=True)

SIZE: Final = 500
SLOW: Final = 0.05
"""Seconds after which a group no longer holds up those who wait, if another one may run beside it."""
BACKLOG: Final = 2_000
"""Items that may wait; 503 beyond. At 500 a commit that is a second or two of waiting at the worst."""
GROUP_WEIGHT: Final = 8 * 1024 * 1024
BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""Bytes that may wait; 503 beyond."""
PATIENCE: Final = 2.0
"""Seconds that a group whose connection was lost waits for Postgres, to see whether it was committed."""
ANSWER_WITHIN: Final = 1.9
"""Seconds that an item waits for its commit; 503 beyond: a refusal is promised within three, the look-up of the key
included.

It may have been committed all the same: the same request under the same key finds out.
"""
STOOD_STILL: Final = 0.05
SPARED: Final = 0.2
"""Seconds by which a refusal is late if this process stood still, and that it then waits for what came meanwhile."""
REFUSED_WITHIN: Final = 2.5
"""Seconds in which an item is answered with all that may have to be read before and after its commit; 503 beyond."""

_log: Final = structlog.stdlib.get_logger()


class Answer(Protocol[A_contra]):
    """Who waits for what became of an item; a future is one. One that raises when it is told keeps it from no other."""

    def done(self) -> bool:
        """Tell whether it was told already, or waits no more."""
        ...

    def set_result(self, result: A_contra, /) -> None:
        """Tell what became of the item."""
        ...

    def set_exception(self, error: Exception, /) -> None:
        """Tell why nothing became of it."""
        ...


class _Waiting(msgspec.Struct, Generic[W, R], frozen=True, gc=False):
    item: W
    weight: int
    answer: Answer[R]
    until: float


class Room:
    """How much may be under way at a time, in number and in bytes; of one tenant, as much as is left to the others."""

    def __init__(self, *, count: int, size: int) -> None:
        """Hold nothing yet."""
        self._count = count
        self._size = size
        self._held: Final = Counter[Hashable]()
        self._sizes: Final = Counter[Hashable]()

    @contextmanager
    def take(self, tenant_id: Hashable, size: int) -> Generator[None]:
        """Keep room for something of so many bytes; raise `UnavailableError` if there is none, or none for this tenant.

        The first one of a tenant may take all that is free.
        """
        if self._count <= self._held[tenant_id] or self._size < self._sizes[tenant_id] + size:
            raise UnavailableError
        self._add(tenant_id, 1, size)
        try:
            yield
        finally:
            self._add(tenant_id, -1, -size)

    def _add(self, tenant_id: Hashable, count: int, size: int) -> None:
        self._count -= count
        self._size -= size
        self._held[tenant_id] += count
        self._sizes[tenant_id] += size
        if not self._held[tenant_id]:
            del self._held[tenant_id], self._sizes[tenant_id]


class Shared(Generic[W, R]):
    """A queue that is worked off in groups; `work` returns an answer for each item of a group, in its order."""

    def __init__(
        self,
        work: Callable[[Sequence[W]], Coroutine[None, None, Sequence[R]]],
        *,
        weigh: Callable[[W], int] = lambda _: 0,
        backlog: int = BACKLOG,
        within: float = ANSWER_WITHIN,
        backlog_bytes: int = BACKLOG_BYTES,
        flushers: int = 1,
        size: int = SIZE,
        turn: asyncio.Lock | None = None,
    ) -> None:
        """Start nothing yet; `weigh` says how many bytes an item holds, `within` the seconds until it is refused.

        `flushers` is how many groups run at a time. A further one starts only if all that run are slow, or as much
        waits as one takes, `size`: whoever comes meanwhile is better off in one large group than in two small ones.

        Queues that share a `turn` run a group in turn. Where more comes than they can do, each item would be begun just
        before it is refused, and done for nobody: one that has less time left than the last one took is refused first.
        """
        self._size: Final = size
        self._flushers: Final = flushers
        self._turn: Final = turn
        self._took = 0.0
        self._work: Final = work
        self._weigh: Final = weigh
        self._backlog: Final = backlog
        self._within: Final = within
        self._backlog_bytes: Final = backlog_bytes
        self._waiting: Final[deque[_Waiting[W, R]]] = deque()
        self._weight = 0
        self._running = 0
        self._slow: Final[set[object]] = set()
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._told: Final[deque[_Waiting[W, R]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._spares = False

    async def add(self, item: W) -> R:
        """Return what became of an item, once its group is committed; raise what `put` raises and tells."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.put(item, answer)
        return await answer

    def put(self, item: W, answer: Answer[R]) -> None:
        """Have somebody told what became of an item, once its group is committed.

        Raises `UnavailableError` if too much waits already. Tells of the same if it takes longer than `ANSWER_WITHIN`,
        and of what `work` raises.
        """
        weight = self._weigh(item)
        if len(self._waiting) >= self._backlog or self._weight + weight > self._backlog_bytes:
            raise UnavailableError
        one = _Waiting(item, weight, answer, clock.monotonic() + self._within)
        self._waiting.append(one)
        self._told.append(one)
        self._weight += weight
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._within, self._refuse_late)
        if self._running == len(self._slow) or len(self._waiting) >= self._size:
            self._start()

    def _refuse_late(self) -> None:
        """Refuse whoever has waited too long: one timer for all, as one for each costs more than its place here.

        After seconds in which the process stood still, what it waits for is given a moment to be heard.
        """
        now = clock.monotonic()
        if self._told and now - self._told[0].until > STOOD_STILL and not self._spares:
            self._spares = True
            self._timer = asyncio.get_running_loop().call_later(SPARED, self._refuse_late)
            return
        self._spares = False
        try:
            while self._told and (self._told[0].until <= now or self._told[0].answer.done()):
                _fail([self._told.popleft()], UnavailableError())
        finally:
            self._timer = None
            if self._told:
                self._timer = asyncio.get_running_loop().call_later(self._told[0].until - now, self._refuse_late)

    def _start(self) -> None:
        """Start a group, if one more may run."""
        if self._waiting and self._running < self._flushers:
            self._running += 1
            task = asyncio.create_task(self._flush())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _note_slow(self, group: object) -> None:
        self._slow.add(group)
        self._start()

    async def _flush(self) -> None:
        try:
            while self._waiting:
                if self._turn is None:
                    await self._run_next()
                else:
                    async with self._turn:
                        self._refuse_hopeless()
                        await self._run_next()
        finally:
            self._running -= 1  # with nothing awaited since nothing was waiting: whoever comes next starts anew

    def _refuse_hopeless(self) -> None:
        """Refuse whoever is next and cannot be answered in time; what is fresh is tried whatever the last one took."""
        least = clock.monotonic() + min(self._took, self._within / 2)
        while self._waiting and (self._waiting[0].until < least or self._waiting[0].answer.done()):
            one = self._waiting.popleft()
            self._weight -= one.weight
            _fail([one], UnavailableError())

    async def _run_next(self) -> None:
        if not self._waiting:
            return
        group = [one for one in self._next() if not one.answer.done()]  # who has given up is not recorded
        if group:
            began = clock.monotonic()
            await self._run(group)
            self._took = clock.monotonic() - began

    async def _run(self, group: Sequence[_Waiting[W, R]]) -> None:
        """Work on a group and tell everybody in it; whoever comes once it is slow does not wait for it."""
        this = object()
        slow = asyncio.get_running_loop().call_later(SLOW, self._note_slow, this)
        try:
            _settle(group, await self._work([one.item for one in group]))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            _fail(group, error)
        finally:
            slow.cancel()
            self._slow.discard(this)
            self._forget_told()

    def _forget_told(self) -> None:
        while self._told and self._told[0].answer.done():
            self._told.popleft()

    def _next(self) -> list[_Waiting[W, R]]:
        """Take the first ones, as many as go together; one that is heavy by itself goes alone."""
        group = [self._waiting.popleft()]
        weight = group[0].weight
        while self._waiting and len(group) < self._size and weight + self._waiting[0].weight <= GROUP_WEIGHT:
            weight += self._waiting[0].weight
            group.append(self._waiting.popleft())
        self._weight -= sum(one.weight for one in group)
        return group


def _settle(group: Sequence[_Waiting[W, R]], answers: Sequence[R]) -> None:
    for one, answer in zip(group, answers, strict=True):
        try:
            if not one.answer.done():  # else its client has gone; its row is there all the same
                one.answer.set_result(answer)
        except Exception:  # noqa: BLE001 - one of many: it is refused once it has waited too long, if it can be told that
            _log.exception("shared.untold")


def _fail(group: Sequence[_Waiting[W, R]], error: Exception) -> None:
    for one in group:
        try:
            if not one.answer.done():
                one.answer.set_exception(error)
        except Exception:  # noqa: BLE001 - one of many
            _log.exception("shared.untold")


async def look_again(find: Callable[[], Coroutine[None, None, R]], error: Exception) -> R:
    """Return what a group has made after all, although it failed; raise its error if Postgres stays away."""
    retrying = AsyncRetrying(
        retry=retry_if_exception(lambda raised: isinstance(raised, Exception) and is_away(raised)),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(PATIENCE),
        reraise=True,
    )
    try:
        found: R = await retrying(find)
    except Exception:  # noqa: BLE001 - the first error says more
        raise error from None
    return found
