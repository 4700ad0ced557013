"""What waits in memory: a list for each lane, served tenants in turn, lanes in turn, each up to its cap.

```
offer ──► tenant ──► lane: waiting ids (each once, at most twice the cap) ──► take ──► in flight ──► release
```
The cap of a lane stands in front of any global limit: a lane whose receiver hangs pins its own slots and no others;
the cap of a tenant does the same for all of a tenant's lanes.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from core.model.queued import Queued


@dataclass(slots=True)
class Lane:
    """One endpoint's deliveries in this process."""

    id: UUID
    tenant_id: UUID
    cap: int
    waiting: OrderedDict[UUID, None] = field(default_factory=OrderedDict[UUID, None])
    in_flight: int = 0
    backlogged: bool = False
    """Whether there may be more than this process was told of."""

    @property
    def free(self) -> int:
        """How many of its waiting deliveries may start now."""
        return min(self.cap - self.in_flight, len(self.waiting))


class Lanes:
    """All lanes of this process; not shared between threads."""

    def __init__(self, default_cap: int, *, tenant_cap: int) -> None:
        """Make no lane yet; `default_cap` is a lane's until a claim tells, `tenant_cap` of all of a tenant's lanes."""
        self._default_cap = default_cap
        self._tenant_cap = tenant_cap
        self._in_flight: Counter[UUID] = Counter()
        self._lanes: dict[UUID, Lane] = {}
        self._tenants: OrderedDict[UUID, OrderedDict[UUID, Lane]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def offer(self, queued: Iterable[Queued]) -> None:
        """Take in what a message named; what a lane has no room for is dropped, and fetched when it has."""
        for one in queued:
            lane = self._lanes.get(one.lane)
            if lane is None:
                lane = self._lanes[one.lane] = Lane(one.lane, one.tenant_id, self._default_cap)
            if len(lane.waiting) < 2 * lane.cap:
                lane.waiting[one.delivery_id] = None
                self._tenants.setdefault(lane.tenant_id, OrderedDict())[lane.id] = lane
            lane.backlogged |= len(lane.waiting) >= lane.cap

    def put_back(self, queued: Iterable[Queued]) -> None:
        """Undo a `take` that led to nothing."""
        for one in queued:
            self._give_back(one.lane)
        self.offer(queued)

    def take(self, room: int) -> list[Queued]:
        """Take up to `room` deliveries that may start now, one of each tenant and lane at a time."""
        taken: list[Queued] = []
        idle = 0
        while len(taken) < room and idle < len(self._tenants):
            tenant_id, lanes = self._tenants.popitem(last=False)
            one = None if self._in_flight[tenant_id] >= self._tenant_cap else _next_of(lanes)
            idle = idle + 1 if one is None else 0
            if one is not None:
                taken.append(one)
                self._in_flight[tenant_id] += 1
            if lanes:
                self._tenants[tenant_id] = lanes
        return taken

    def release(self, lane_id: UUID) -> int:
        """Give a slot back; return how many more to fetch for a backlogged lane that has run dry, or 0."""
        lane = self._give_back(lane_id)
        if lane.waiting:
            return 0
        if lane.backlogged:
            lane.backlogged = False  # set again if the fetch finds as much
            return 2 * lane.cap
        self.forget_idle(lane_id)
        return 0

    def refuse(self, lane_id: UUID) -> None:
        """Give back a slot that led to nothing, and fetch no more for it.

        Of a lane that is paused, or full elsewhere, the fetch would bring the same again, for ever.
        """
        lane = self._give_back(lane_id)
        lane.backlogged |= lane.in_flight > 0  # full here: the next end brings what was refused
        self.forget_idle(lane_id)

    def _give_back(self, lane_id: UUID) -> Lane:
        lane = self._lanes[lane_id]
        lane.in_flight -= 1
        self._in_flight[lane.tenant_id] -= 1
        if not self._in_flight[lane.tenant_id]:
            del self._in_flight[lane.tenant_id]
        return lane

    def forget_idle(self, lane_id: UUID) -> None:
        """Drop a lane that has nothing to do."""
        lane = self._lanes.get(lane_id)
        if lane is not None and not lane.in_flight and not lane.waiting:
            del self._lanes[lane_id]

    def set_cap(self, lane_id: UUID, cap: int) -> None:
        """Learn a lane's own cap from a claim."""
        if lane := self._lanes.get(lane_id):
            lane.cap = cap


def _next_of(lanes: OrderedDict[UUID, Lane]) -> Queued | None:
    for _ in range(len(lanes)):
        lane_id, lane = lanes.popitem(last=False)
        found: Queued | None = None
        if lane.free > 0:
            found = Queued(lane.waiting.popitem(last=False)[0], lane_id, lane.tenant_id)
            lane.in_flight += 1
        if lane.waiting:
            lanes[lane_id] = lane
        if found is not None:
            return found
    return None
