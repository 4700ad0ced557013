"""Events that go to many: a queue for each tenant that sends such, one event at a time over all of them, in turn.

One event to 10,000 endpoints takes Postgres a sixth of a second: a group of sixty would take ten, and all in it or
behind it would be refused.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, Generic, TypeVar
from uuid import UUID

from core.intake.event_queries import Line
from core.intake.shared import Shared

R = TypeVar("R")

WIDE: Final = 500
"""Deliveries from which on an event goes by itself."""
BACKLOG: Final = 200
"""Events that may wait for each tenant; 503 beyond. The narrowest of them take two seconds together."""
BACKLOG_BYTES: Final = 8 * 1024 * 1024
TYPES: Final = 100
"""Types of a tenant of which is kept how many they go to without being asked."""
TENANTS: Final = 1_000
"""Tenants of which that is kept."""


class _Tenant(Generic[R]):
    """What is known of a tenant, and its queue."""

    def __init__(self, queue: Shared[Line, R]) -> None:
        self.queue: Final = queue
        self.unfiltered: Final[OrderedDict[str, int]] = OrderedDict()
        """Deliveries of the last event of a type, without those that filters selected."""


class Wide(Generic[R]):
    """Tells which events go to many, from what became of those before them and from what filters say of them."""

    def __init__(
        self,
        work: Callable[[Sequence[Line]], Coroutine[None, None, Sequence[R]]],
        weigh: Callable[[Line], int],
        *,
        tenants: int = TENANTS,
        types: int = TYPES,
    ) -> None:
        self._work: Final = work
        self._weigh: Final = weigh
        self._most_tenants: Final = tenants
        self._most_types: Final = types
        self._tenants: Final[OrderedDict[UUID, _Tenant[R]]] = OrderedDict()
        self._turn: Final = asyncio.Lock()

    def queue_of(self, line: Line) -> Shared[Line, R] | None:
        """Return the queue of an event that goes to many; `None` of another, as far as it can be told."""
        if not self._tenants and len(line.verdicts) < WIDE:
            return None
        known = self._tenants.get(line.event.tenant_id)
        unfiltered = 0 if known is None else known.unfiltered.get(line.event.type, 0)
        if unfiltered + len(line.verdicts) < WIDE or unfiltered + _selected(line) < WIDE:
            return None
        return (known or self._keep(line.event.tenant_id)).queue

    def learn(self, line: Line, deliveries: int) -> None:
        """Keep how many an event went to."""
        known = self._tenants.get(line.event.tenant_id)
        if known is None:
            if deliveries < WIDE:
                return
            known = self._keep(line.event.tenant_id)
        unfiltered = deliveries - _selected(line)
        if deliveries >= WIDE or line.event.type in known.unfiltered:
            known.unfiltered[line.event.type] = unfiltered
            known.unfiltered.move_to_end(line.event.type)
            self._tenants.move_to_end(line.event.tenant_id)
            if len(known.unfiltered) > self._most_types:
                known.unfiltered.popitem(last=False)

    def _keep(self, tenant_id: UUID) -> _Tenant[R]:
        queue = Shared[Line, R](
            self._work, weigh=self._weigh, backlog=BACKLOG, backlog_bytes=BACKLOG_BYTES, size=1, turn=self._turn
        )
        kept = self._tenants[tenant_id] = _Tenant(queue)
        if len(self._tenants) > self._most_tenants:
            self._tenants.popitem(last=False)  # what waits there is worked off all the same
        return kept


def _selected(line: Line) -> int:
    return sum(one.selected for one in line.verdicts)
