"""Attempts as they happen: any number of listeners, one query a second for all of them.

```
Postgres ──► one query, each listening tenant from where its feed is ──► Feed: the last attempts of a tenant
                                                                             └─► its listeners, each from its place
```
A listener holds a place and an event, no connection. One whose place the feed has left behind reads page by page
from Postgres until it has caught up. Whoever reads too slowly for that is told so, and resumes where it was.
"""

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from api.background import repeat
from core.database import Database
from core.journal.live_queries import (
    LiveAttempt,
    Place,
    count_attempts_after,
    read_attempts_after,
    read_horizon,
)
from core.model.ids import TenantId
from core.patience import end_all

TICK: Final = 1.0
PAGE: Final = 500
KEPT: Final = 2_000
"""Attempts of a tenant that are kept for its listeners: one that is further behind reads from Postgres."""
REPLAY: Final = 10_000
"""Attempts that one who resumes may have missed; of more it is told that it starts afresh."""


class Feed:
    """The last attempts of one tenant: all those after `floor`, up to `seen`."""

    def __init__(self, start: Place) -> None:
        self.floor = start
        self.seen = start
        self.listeners: Final[set[asyncio.Event]] = set()
        self._kept: Final[deque[LiveAttempt]] = deque()

    def add(self, attempts: Sequence[LiveAttempt], seen: Place) -> None:
        """Take in what has come; wake the listeners if there is anything."""
        self._kept.extend(attempts)
        self.seen = seen
        while len(self._kept) > KEPT:
            self.floor = self._kept.popleft().place
        if attempts:
            for listener in self.listeners:
                listener.set()

    def after(self, place: Place) -> Sequence[LiveAttempt] | None:
        """Return what is kept after a place; `None` if some of it is not kept any more."""
        return None if place < self.floor else [one for one in self._kept if one.place > place]


class Live:
    """The feeds of all tenants that anybody listens to."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database
        self._feeds: Final[dict[TenantId, Feed]] = {}
        self._task: asyncio.Task[None] | None = None
        self.stopping = False

    def start(self) -> None:
        """Read until `stop`."""
        self._task = asyncio.create_task(repeat("live", self._catch_up, pause=TICK))

    def dismiss(self) -> None:
        """Have every stream end."""
        self.stopping = True
        for feed in self._feeds.values():
            for listener in feed.listeners:
                listener.set()

    async def stop(self) -> None:
        """Have every stream end, and read no more."""
        self.dismiss()
        if self._task is not None:
            await end_all(self._task)

    async def horizon(self) -> Place:
        """Return the place of now: whatever ends from now on comes after it."""
        async with self._database.engine() as tx:
            return Place(await read_horizon(tx))

    async def may_resume(self, tenant_id: TenantId, place: Place, now: Place) -> bool:
        """Tell whether what came after a place may be replayed: it lies before now, and not too far back."""
        if place.transaction > now.transaction:  # of a database that was restored from a backup since
            return False
        async with self._database.engine() as tx:
            limit = REPLAY + 1
            return await count_attempts_after(tx, tenant_id=tenant_id, place=place, limit=limit) < limit

    @contextmanager
    def listening(self, tenant_id: TenantId, start: Place) -> Generator[tuple[Feed, asyncio.Event]]:
        """Have a tenant's attempts read; the feed of one that nobody listens to yet begins at `start`."""
        feed = self._feeds.setdefault(tenant_id, Feed(start))
        changed = asyncio.Event()
        feed.listeners.add(changed)
        try:
            yield feed, changed
        finally:
            feed.listeners.discard(changed)
            if not feed.listeners:
                self._feeds.pop(tenant_id, None)

    async def page(self, tenant_id: TenantId, place: Place) -> tuple[Sequence[LiveAttempt], Place]:
        """Read the next attempts after a place from Postgres, and the place after them."""
        found, horizon = await self._read([(tenant_id, place)])
        return found, found[-1].place if len(found) == PAGE else max(place, horizon)

    async def tick(self) -> int:
        """Read what is new for all feeds; return how many attempts there were."""
        places = [(tenant_id, feed.seen) for tenant_id, feed in self._feeds.items()]
        if not places:
            return 0
        found, horizon = await self._read(places)
        seen = dict(places)
        of: dict[TenantId, list[LiveAttempt]] = {tenant_id: [] for tenant_id, _ in places}
        for one in found:
            of[one.tenant_id].append(one)
        for tenant_id, new in of.items():
            feed = self._feeds.get(tenant_id)
            if feed is not None and feed.seen == seen[tenant_id]:  # not another one, begun since
                feed.add(new, new[-1].place if len(new) == PAGE else max(feed.seen, horizon))
        return len(found)

    async def _read(self, places: Sequence[tuple[TenantId, Place]]) -> tuple[Sequence[LiveAttempt], Place]:
        async with self._database.engine() as tx:
            horizon = await read_horizon(tx)
            found = await read_attempts_after(tx, places=places, horizon=horizon, limit=PAGE)
        # Nobody has seen anything of the horizon itself: the least place in it is before whatever it will bring.
        return found, Place(horizon)

    async def _catch_up(self) -> None:
        while await self.tick() >= PAGE:
            pass
