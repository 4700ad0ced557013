"""One endpoint's deliveries in this process."""

from collections import OrderedDict
from dataclasses import dataclass, field
from uuid import UUID

from core.model.queued import Queued


@dataclass(slots=True)
class Lane:
    """One endpoint's deliveries in this process; what was asked for goes first, whatever the limit but the cap."""

    id: UUID
    tenant_id: UUID
    cap: int
    asked: OrderedDict[UUID, None] = field(default_factory=OrderedDict[UUID, None])
    waiting: OrderedDict[UUID, None] = field(default_factory=OrderedDict[UUID, None])
    in_flight: int = 0
    backlogged: bool = False
    """Whether there may be more than this process was told of."""
    resting: bool = False
    """Whether it starts nothing until a time."""
    held: bool = False
    """Whether it starts only what was asked for until a time."""
    host: str | None = None
    """Where it sends to; not known before its first claim."""

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        return not self.in_flight and not self.waiting and not self.asked

    def next(self, limit: int, share: int) -> Queued | None:
        """Start the next one, if any may start while `limit` may be under way, and `share` for the others' sake."""
        of = self.asked if self.asked and self.in_flight < self.cap else self.waiting
        if not of or (of is self.waiting and self.in_flight >= min(limit, share)):
            return None
        self.in_flight += 1
        # Held or slow: more may wait than was offered. Full: others may have refused what they were offered of it.
        self.backlogged |= limit < self.cap or self.in_flight >= self.cap
        return Queued(of.popitem(last=False)[0], self.id, self.tenant_id, asked=of is self.asked)

    def thin(self) -> None:
        """Keep the first of what waits while the lane is held: it goes first then, and its end fetches the others."""
        self.backlogged |= len(self.waiting) > 1
        while len(self.waiting) > 1:
            self.waiting.popitem()
