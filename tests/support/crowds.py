"""Clients that wait for something to pull, each a task; how often they look is counted."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from fastapi import Request

from api.arrivals import Arrivals, pull_when_due
from api.listening import Listener
from core.database import Database
from core.lease.claim import Puller
from core.lease.meter import Meter
from core.lease.presence import APIS, Presence
from core.lease.pull import Pulled, Pulls
from core.model.ids import EndpointId, TenantId
from core.once import EVERY_TIME, Once
from tests.support.feeding import SETTINGS
from tests.support.pull_rings import RING
from tests.support.turns import Turn

_QUIET = 50
"""Turns of the loop without a look after which none begins."""


class Client(Listener):
    """One whose key works, who is there or has hung up."""

    def __init__(self, *, left: bool) -> None:
        super().__init__(Request({"type": "http"}))
        self._left = left

    async def has_left(self) -> bool:
        """Tell whether it has hung up."""
        return self._left

    async def check(self) -> None:
        """Let it in."""


class CountedPulls(Pulls):
    """Hands out deliveries, and knows who looked for any, in which order."""

    def __init__(self, database: Database) -> None:
        """Work without a Redis."""
        super().__init__(database, Meter(None, Presence(None, APIS)), RING, SETTINGS)
        self.looks: list[EndpointId] = []
        self.under_way = 0
        self.most = 0
        self.may_look = asyncio.Event()
        self.may_look.set()

    async def pull(self, who: Puller, *, limit: int, once: Once) -> Sequence[Pulled]:
        """Count a look."""
        self.looks.append(who.endpoint_id)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.may_look.wait()
            return await super().pull(who, limit=limit, once=once)
        finally:
            self.under_way -= 1


class Crowd:
    """Those who wait in one process; nobody is called but by `tick`."""

    def __init__(self, database: Database) -> None:
        self.pulls = CountedPulls(database)
        self.arrivals = Arrivals(database)
        self.waiting: list[asyncio.Task[Sequence[Pulled]]] = []

    async def join(
        self, tenant: TenantId, endpoint: EndpointId, count: int = 1, *, wait: float = 60, left: bool = False
    ) -> None:
        """Have so many more wait, each for one delivery, who have looked in vain; only looks after that are counted.

        With `left`, they hang up then.
        """
        who = Puller(tenant, None, endpoint)
        for _ in range(count):
            client = Client(left=left)
            pulling = pull_when_due(self.pulls, self.arrivals, who, client, limit=1, wait=wait, once=EVERY_TIME)
            self.waiting.append(asyncio.create_task(pulling))
        await self.settle()
        self.pulls.looks.clear()
        self.pulls.most = 0

    async def tick(self) -> None:
        """Call those for whom something is due; return once they have looked."""
        await self.arrivals.tick()
        await self.settle()

    async def settle(self) -> None:
        """Return once nobody looks any more."""
        quiet = 0
        while quiet < _QUIET:
            await Turn()
            quiet = 0 if self.pulls.under_way and self.pulls.may_look.is_set() else quiet + 1

    def answers(self) -> dict[int, list[UUID]]:
        """Return what was handed out, by the place of whom it was handed to; who waits still is not in it."""
        done = {place: one.result() for place, one in enumerate(self.waiting) if one.done()}
        return {place: [pulled.claimed.delivery_id for pulled in found] for place, found in done.items()}

    async def disperse(self) -> None:
        """Let nobody wait any more."""
        self.pulls.may_look.set()
        self.arrivals.dismiss()
        await asyncio.gather(*self.waiting)
