"""What waits in memory: a list for each lane, served tenants in turn, lanes in turn, each up to its limit.

```
offer ──► tenant ──► lane: waiting ids (each once, at most twice the cap) ──► take ──► in flight ──► release
```
The cap of a lane stands in front of any global limit: a lane whose receiver hangs pins its own slots and no others.
Whoever comes first leaves room, too: a tenant may have a share of what is still free, a lane a share of what its tenant
may still have. One alone gets much; of many that hang each gets the less the more there are, and something is always
free for who is well (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
Only lanes that may start something stand in turn, so that a thousand that may not cost nothing: one that is full comes
back with its next end, one that rests in time, one whose host is full when that has room.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Final, Protocol
from uuid import UUID

from core import clock
from core.model.queued import Queued
from workers.delivery.hosts import Hosts
from workers.delivery.lane import Lane

TENANT_SHARE: Final = 3
"""A tenant may have a third of what is free: a quarter of all, if it is alone."""
LANE_SHARE: Final = 4
"""A lane may have a quarter of what its tenant may still have."""


class Doors(Protocol):
    """What stands in front of a lane beside its cap."""

    def limit(self, lane: UUID, cap: int) -> int:
        """Return how many of a lane with such a cap may be under way now; 0 while it is held."""
        ...

    def held_for(self, lane: UUID) -> float:
        """Return for how many seconds a lane will be held."""
        ...


class Lanes:
    """All lanes of this process; not shared between threads."""

    def __init__(self, default_cap: int, *, bound: int, doors: Doors | None = None, hosts: Hosts | None = None) -> None:
        """Make no lane yet; `default_cap` is a lane's until a claim tells, `bound` that of all of them together."""
        self._doors = doors
        self._hosts = hosts
        self._default_cap = default_cap
        self._free = bound
        self._in_flight: Counter[UUID] = Counter()
        self._lanes: dict[UUID, Lane] = {}
        self._tenants: OrderedDict[UUID, OrderedDict[UUID, Lane]] = OrderedDict()
        self._first: set[UUID] = set()
        """Lanes of which the first were named, and more is due."""
        self._short: list[UUID] = []
        self._rests: list[tuple[float, UUID]] = []
        self._pinched: dict[UUID, OrderedDict[UUID, Lane]] = {}
        """Lanes by tenant that would start more, had they a larger share."""

    def __len__(self) -> int:
        return sum(len(lane.waiting) + len(lane.asked) for lane in self._lanes.values())

    def refilled(self) -> list[UUID]:
        """Return the lanes whose next end fetches more of them, so that nobody else has to bring any."""
        lanes = self._lanes.values()
        return [lane.id for lane in lanes if lane.backlogged and lane.in_flight and not (lane.held or lane.resting)]

    def offer(self, queued: Iterable[Queued]) -> None:
        """Take in what a message named; what a lane has no room for is dropped, and fetched when it has."""
        for one in queued:
            lane = self._lanes.get(one.lane)
            if lane is None:
                lane = self._lanes[one.lane] = self._new(one)
            of = lane.asked if one.asked else lane.waiting
            if len(of) < 2 * lane.cap and one.delivery_id not in lane.asked:
                of[one.delivery_id] = None
                if one.asked:
                    lane.waiting.pop(one.delivery_id, None)
            lane.backlogged |= one.more or len(of) >= lane.cap
            if one.more:
                self._first.add(lane.id)
            self._line_up(lane)

    def put_back(self, queued: Iterable[Queued]) -> None:
        """Undo a `take` that led to nothing: these stand in front again."""
        for one in reversed(list(queued)):
            lane = self._give_back(one.lane)
            if one.asked or one.delivery_id not in lane.asked:  # it may have been asked for meanwhile: once is enough
                of = lane.asked if one.asked else lane.waiting
                of[one.delivery_id] = None
                of.move_to_end(one.delivery_id, last=False)
            self._line_up(lane)

    def take(self, room: int, is_over: Callable[[UUID], bool] = lambda _: False) -> list[Queued]:
        """Take up to `room` deliveries that may start now, one of each tenant and lane at a time.

        Of a tenant that `is_over` none is taken.
        """
        taken: list[Queued] = []
        idle = 0
        if self._hosts is not None:
            for lane in self._hosts.freed():
                self._line_up(lane)
        self._line_up_pinched()
        while len(taken) < room and idle < len(self._tenants):
            tenant_id, lanes = self._tenants.popitem(last=False)
            left = 0 if is_over(tenant_id) else self._left_for(tenant_id)
            one = self._next_of(lanes, self._share_of(left)) if left > 0 else None
            idle = 0 if one is not None else idle + bool(lanes)
            if one is not None:
                taken.append(one)
                self._in_flight[tenant_id] += 1
                self._free -= 1
            if lanes:
                self._tenants[tenant_id] = lanes
        return taken

    def short(self) -> list[tuple[UUID, int]]:
        """Return the lanes whose first ones have all been taken, each once, and how many more to fetch for each.

        They do not wait for an end: while the first ones hang, the lane's other slots would stand idle.
        """
        short, self._short = self._short, []
        self._first.difference_update(short)
        lanes = [lane for lane in map(self._lanes.get, short) if lane is not None]
        limits = [(lane, self._limit(lane)) for lane in lanes if lane.backlogged]
        for lane, limit in limits:
            lane.backlogged = limit <= 0  # set again if the fetch finds as much
        return [(lane.id, 2 * limit) for lane, limit in limits if limit > 0]

    def rest(self, lane_id: UUID, until: float) -> None:
        """Let a lane start nothing until a time on the monotonic clock."""
        lane = self._lanes.get(lane_id)
        if lane is not None and not lane.resting:
            lane.resting = True
            heappush(self._rests, (until, lane_id))
            self._tenants.get(lane.tenant_id, OrderedDict[UUID, Lane]()).pop(lane_id, None)

    def wake(self) -> None:
        """Let lanes go on that have rested."""
        now = clock.monotonic()
        while self._rests and self._rests[0][0] <= now:
            lane = self._lanes.get(heappop(self._rests)[1])
            if lane is not None:
                lane.resting = lane.held = False
                self._line_up(lane)
                self.forget_idle(lane.id)

    def next_wake(self) -> float | None:
        """Return in how many seconds the next lane will have rested, `None` if none rests."""
        return max(0.0, self._rests[0][0] - clock.monotonic()) if self._rests else None

    def release(self, lane_id: UUID) -> int:
        """Give a slot back; return how many more to fetch for a backlogged lane that has run dry, or 0."""
        lane = self._give_back(lane_id)
        self._line_up(lane)
        limit = self._limit(lane)
        if (lane.waiting or lane.asked) and limit > 0:
            return 0
        if lane.backlogged and limit > 0:
            lane.backlogged = False  # set again if the fetch finds as much
            return 2 * limit
        self.forget_idle(lane_id)  # of one that is held the feeder brings the next
        return 0

    def refuse(self, lane_id: UUID) -> None:
        """Give back a slot that led to nothing, and fetch no more for it.

        Of a lane that is paused, or full elsewhere, the fetch would bring the same again, for ever.
        """
        lane = self._give_back(lane_id)
        lane.backlogged |= lane.in_flight > 0  # full here: the next end brings what was refused
        self._line_up(lane)
        self.forget_idle(lane_id)

    def forget_idle(self, lane_id: UUID) -> None:
        """Drop a lane that has nothing to do."""
        lane = self._lanes.get(lane_id)
        if lane is not None and lane.idle and not (lane.resting or lane.held):
            del self._lanes[lane_id]

    def learn(self, lane_id: UUID, cap: int, url: str = "") -> None:
        """Learn from a claim what a lane's own cap is, and where it sends to."""
        lane = self._lanes.get(lane_id)
        if lane is None:
            return
        moved = self._hosts is not None and self._hosts.learn(lane, url)
        if moved or lane.cap != cap:
            lane.cap = cap
            self._line_up(lane)

    def _new(self, one: Queued) -> Lane:
        lane = Lane(one.lane, one.tenant_id, self._default_cap)
        if self._hosts is not None:
            self._hosts.meet(lane)
        return lane

    def _give_back(self, lane_id: UUID) -> Lane:
        lane = self._lanes[lane_id]
        lane.in_flight -= 1
        if self._hosts is not None:
            self._hosts.give_back(lane)
        self._free += 1
        self._in_flight[lane.tenant_id] -= 1
        if not self._in_flight[lane.tenant_id]:
            del self._in_flight[lane.tenant_id]
        return lane

    def _left_for(self, tenant_id: UUID) -> int:
        """Return how many more of a tenant may start now."""
        return math.ceil(self._free / TENANT_SHARE) - self._in_flight[tenant_id]

    def _share_of(self, left: int) -> int:
        """Return how many one lane of a tenant may have under way that may start so many more."""
        return max(1, left // LANE_SHARE)

    def _line_up_pinched(self) -> None:
        """Let lanes stand in turn again whose share has grown since."""
        for tenant_id, lanes in list(self._pinched.items()):
            share = self._share_of(self._left_for(tenant_id))
            grown = [lane for lane in lanes.values() if lane.in_flight < share]
            for lane in grown:
                del lanes[lane.id]
                self._line_up(lane)
            if not lanes:
                del self._pinched[tenant_id]

    def _line_up(self, lane: Lane) -> None:
        """Let a lane stand in turn if it may start something; `take` finds out how many."""
        if (lane.waiting or lane.asked) and lane.in_flight < lane.cap and not lane.resting:
            self._tenants.setdefault(lane.tenant_id, OrderedDict())[lane.id] = lane

    def _limit(self, lane: Lane) -> int:
        return lane.cap if self._doors is None else self._doors.limit(lane.id, lane.cap)

    def _hold(self, lane: Lane) -> None:
        lane.thin()
        if self._doors is not None and not lane.held and lane.waiting:
            lane.held = True
            heappush(self._rests, (clock.monotonic() + self._doors.held_for(lane.id), lane.id))

    def _next_of(self, lanes: OrderedDict[UUID, Lane], share: int) -> Queued | None:
        while lanes:
            lane_id, lane = lanes.popitem(last=False)
            if self._hosts is not None and self._hosts.is_full(lane):
                continue
            limit = self._limit(lane)
            found = lane.next(limit, share)
            if limit == 0:
                self._hold(lane)
            elif found is None and lane.waiting and lane.in_flight < limit:
                self._pinched.setdefault(lane.tenant_id, OrderedDict())[lane_id] = lane
            if found is not None:
                if self._hosts is not None:
                    self._hosts.take(lane)
                if lane.waiting or lane.asked:
                    lanes[lane_id] = lane
                elif lane_id in self._first:
                    self._short.append(lane_id)
                return found
            self.forget_idle(lane_id)
        return None
