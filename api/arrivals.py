"""Waiting for something to pull: any number of clients, one query ten times a second for all of them.

```
Postgres ──► how much is due of each lane that anybody waits for ──► as many are called, the longest waiting first
                 they look: AT_ONCE in a process, tenants in turn, of each its lanes in turn ──┘
```
Who waits holds an event and nothing else: no thread, no connection. While nobody waits nothing is asked. A lane of
which something is due that may not go yet rests, for all who wait for it: each of them would find the same.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from api.background import repeat
from api.first_looks import FirstLooks
from api.listening import Listener
from core import clock
from core.database import Database
from core.lease.claim import Puller
from core.lease.pull import Pulled, Pulls
from core.lease.pull_queries import due_in_lanes
from core.once import EVERY_TIME, Once
from core.patience import came, end_all

T = TypeVar("T")
TICK: Final = 0.1
AT_ONCE: Final = 4
"""Looks of those who have waited that a process has under way, whoever they are: the other connections are for those
who have not."""
COUNTED: Final = 100
"""Deliveries of a lane that one query counts: no more look before the next one."""
_FIRST_REST: Final = 0.25
LONGEST_REST: Final = 2.0
"""Seconds after which a lane is looked at again that has something due that may not go yet."""


@dataclass(eq=False, slots=True)
class _Lane:
    """A lane that somebody waits for."""

    id: UUID
    tenant_id: UUID
    waiting: dict[asyncio.Event, None] = field(default_factory=dict[asyncio.Event, None])
    """Those who were not called yet, in the order in which they came."""
    due: int = 0
    """How much is due for which nobody was called yet."""
    looking: int = 0
    finds: int = 0
    rest: float = 0.0
    rests_until: float = 0.0

    def counted(self, due: int) -> None:
        """Take in how much is due, that of those who look just now included."""
        self.due = max(0, due - self.looking)
        if not due:
            self.rest = 0.0

    def looked(self, found: int, finds_before: int) -> None:
        """Take in what a look found; `finds_before` says how many had found something when it began.

        Who finds nothing beside one who found something came too late for that: it says nothing of what comes next.
        """
        if found:
            self.finds += 1
            self.due, self.rest, self.rests_until = max(0, self.due + 1 - found), 0.0, 0.0
            return
        self.due = 0
        if self.finds == finds_before:
            self.rest = min(max(2 * self.rest, _FIRST_REST), LONGEST_REST)
            self.rests_until = clock.monotonic() + self.rest


class Turn:
    """The right to look at a lane. If it is not used, the next one who waits gets it."""

    def __init__(self, lane: _Lane) -> None:
        self._lane: Final = lane
        self._finds: Final = lane.finds
        self._found: int | None = None

    async def look(self, work: Awaitable[Sequence[T]]) -> Sequence[T]:
        """Return what is handed out."""
        self._found = 0
        found = await work
        self._found = len(found)
        return found

    def end(self) -> None:
        """Tell the lane what came of it."""
        self._lane.looking -= 1
        if self._found is None:
            self._lane.due += 1
        else:
            self._lane.looked(self._found, self._finds)


class Arrivals:
    """Calls those who wait for deliveries."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database
        self._lanes: Final[dict[UUID, _Lane]] = {}
        self._lined_up: Final[dict[UUID, dict[_Lane, None]]] = {}
        """Lanes of which somebody is to be called, by their tenants; both in the order of their turns."""
        self._free = AT_ONCE
        self.first_looks: Final = FirstLooks()
        self._task: asyncio.Task[None] | None = None
        self.stopping = False

    def start(self) -> None:
        """Look until `stop`."""
        self._task = asyncio.create_task(repeat("arrivals", self.tick, pause=TICK))

    def dismiss(self) -> None:
        """Let nobody wait any more: who waits gets what there is."""
        self.stopping = True
        for lane in self._lanes.values():
            for called in lane.waiting:
                called.set()

    async def stop(self) -> None:
        """Dismiss everybody, and look no more."""
        self.dismiss()
        if self._task is not None:
            await end_all(self._task)

    @asynccontextmanager
    async def turn(self, who: Puller, until: float) -> AsyncGenerator[Turn | None]:
        """Wait for a turn to look, until that time at most; `None` if none came, or nobody is to wait any more."""
        lane = self._lanes.setdefault(who.endpoint_id, _Lane(who.endpoint_id, who.tenant_id))
        called, turn = asyncio.Event(), None
        lane.waiting[called] = None
        try:
            await came(called, max(0.0, until - clock.monotonic()))
            turn = None if called in lane.waiting else Turn(lane)  # it may have come with the end of the wait
            yield turn
        finally:
            if called in lane.waiting:
                del lane.waiting[called]
            else:
                (turn or Turn(lane)).end()
                self._free += 1
                self._line_up(lane)
                self._call()
            if not (lane.waiting or lane.looking):
                self._lanes.pop(lane.id, None)

    async def tick(self) -> None:
        """Look once."""
        now = clock.monotonic()
        rooms = {
            lane.id: min(COUNTED, len(lane.waiting) + lane.looking)
            for lane in self._lanes.values()
            if lane.waiting and lane.rests_until <= now
        }
        if not rooms:
            return
        async with self._database.engine() as tx:
            found = await due_in_lanes(tx, rooms=rooms)
        for lane in [self._lanes[id_] for id_ in rooms if id_ in self._lanes]:
            if lane.rests_until <= now:  # it was not looked at in vain meanwhile
                lane.counted(found.get(lane.id, 0))
                self._line_up(lane)
        self._call()

    def _line_up(self, lane: _Lane) -> None:
        if lane.due and lane.waiting:
            self._lined_up.setdefault(lane.tenant_id, {}).setdefault(lane)

    def _call(self) -> None:
        """Give away the turns that are free: tenants in turn, of each its lanes, of a lane the longest waiting."""
        while self._free and self._lined_up:
            tenant_id = next(iter(self._lined_up))
            lanes = self._lined_up.pop(tenant_id)
            lane = next(iter(lanes))
            del lanes[lane]
            if lanes:
                self._lined_up[tenant_id] = lanes
            if lane.due and lane.waiting:
                called = next(iter(lane.waiting))
                del lane.waiting[called]
                lane.due, lane.looking, self._free = lane.due - 1, lane.looking + 1, self._free - 1
                called.set()
                self._line_up(lane)


async def pull_when_due(
    pulls: Pulls, arrivals: Arrivals, who: Puller, listener: Listener, *, limit: int, wait: float, once: Once
) -> Sequence[Pulled]:
    """Pull, and if there is nothing wait for it, `wait` seconds at most.

    Nothing is leased for who has hung up, or would not be let in any more: that raises what it is refused with.
    """
    deadline = clock.monotonic() + wait
    pull = partial(pulls.pull, who, limit=limit, once=once)
    # One with a key is answered by what it got before, which says nothing of what there is.
    found = await (arrivals.first_looks.look(who, wait, pull) if once is EVERY_TIME else pull())
    while not (found or arrivals.stopping) and clock.monotonic() < deadline:
        async with arrivals.turn(who, deadline) as turn:
            if arrivals.stopping or await listener.has_left():
                break
            await listener.check()
            if turn is not None:
                found = await turn.look(pull())
    return found
