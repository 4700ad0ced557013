"""Waiting for something to pull: any number of clients, one query ten times a second for all of them.

```
Postgres ──► which of the lanes that anybody waits for have something due ──► their watchers look
```
Who waits holds an event and nothing else: no thread, no connection. While nobody waits nothing is asked.
"""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from fastapi import Request

from api.background import repeat
from api.watch import Watch
from core import clock
from core.database import Database
from core.lease.claim import Puller
from core.lease.pull import Pulled, Pulls
from core.lease.pull_queries import lanes_with_due
from core.once import Once
from core.patience import end_all

TICK: Final = 0.1
_FIRST_REST: Final = 0.25
LONGEST_REST: Final = 2.0
"""Seconds after which one whose lane has something due that may not go yet looks again."""


class Arrivals:
    """Wakes those who wait for deliveries."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database
        self._watches: Final[dict[UUID, set[Watch]]] = {}
        self._task: asyncio.Task[None] | None = None
        self.stopping = False

    def start(self) -> None:
        """Look until `stop`."""
        self._task = asyncio.create_task(repeat("arrivals", self.tick, pause=TICK))

    def dismiss(self) -> None:
        """Let nobody wait any more: who waits gets what there is."""
        self.stopping = True
        for watches in self._watches.values():
            for watch in watches:
                watch.ring()

    async def stop(self) -> None:
        """Dismiss everybody, and look no more."""
        self.dismiss()
        if self._task is not None:
            await end_all(self._task)

    @contextmanager
    def watching(self, lane: UUID) -> Generator[Watch]:
        """Watch a lane."""
        watch = Watch()
        self._watches.setdefault(lane, set()).add(watch)
        try:
            yield watch
        finally:
            left = self._watches[lane]
            left.discard(watch)
            if not left:
                del self._watches[lane]

    async def tick(self) -> None:
        """Look once."""
        lanes = list(self._watches)
        if not lanes:
            return
        async with self._database.engine() as tx:
            found = await lanes_with_due(tx, lanes=lanes)
        for lane in found:
            for watch in self._watches.get(lane, ()):
                watch.ring()


async def pull_when_due(
    pulls: Pulls, arrivals: Arrivals, who: Puller, request: Request, *, limit: int, wait: float, once: Once
) -> Sequence[Pulled]:
    """Pull, and if there is nothing wait for it, `wait` seconds at most; nothing is leased for who has hung up."""
    deadline, rest = clock.monotonic() + wait, 0.0
    with arrivals.watching(who.endpoint_id) as watch:
        found = await pulls.pull(who, limit=limit, once=once)
        while not (found or arrivals.stopping) and (left := deadline - clock.monotonic()) > 0:
            await asyncio.sleep(min(rest, left))
            await watch.wait(max(0.0, deadline - clock.monotonic()))
            if arrivals.stopping or await request.is_disconnected():
                break
            found = await pulls.pull(who, limit=limit, once=once)
            rest = min(max(2 * rest, _FIRST_REST), LONGEST_REST)  # due, but it may not go, or somebody was quicker
    return found
