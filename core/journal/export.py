"""All deliveries that a filter names, page by page, newest first.

Each page is a transaction of its own, and none is open while a page is on its way to the client. A page begins below
the one before it, so that what is made meanwhile is never in it, and the export ends.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from core.database import Database
from core.journal.look_queries import Found
from core.journal.queries import look_deliveries
from core.journal.read import DeliveryFilter, DeliveryRecord
from core.journal.waiting import explain
from core.model.ids import DeliveryId, TenantId

PAGE: Final = 500
AT_ONCE: Final = 2
"""Pages that a process reads at once, whoever asks: the other connections are for those who wait for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be exported: of one tenant, if there is an owner then of that one, what the filter names."""

    tenant_id: TenantId
    owner: str | None
    filter: DeliveryFilter


class Exports:
    """Reads deliveries for exports."""

    def __init__(self, database: Database, redis: Redis, *, default_cap: int, page: int = PAGE) -> None:
        """Read through the tenant's role; `default_cap` as for `core.journal.waiting.explain`."""
        self._database: Final = database
        self._redis: Final = redis
        self._cap: Final = default_cap
        self._page: Final = page
        self._turns: Final = asyncio.Semaphore(AT_ONCE)

    async def pages(self, wanted: Wanted) -> AsyncGenerator[Sequence[DeliveryRecord]]:
        """Yield the deliveries, each page as it is then; the first one may be empty, no other is."""
        found = await self._read(wanted, None)
        yield found.rows
        while found.beyond is not None:
            found = await self._read(wanted, DeliveryId(found.beyond))
            if found.rows:
                yield found.rows

    async def _read(self, wanted: Wanted, before: DeliveryId | None) -> Found[DeliveryRecord]:
        """Read a page; `beyond` is where the next one begins, if there may be one."""
        of_owner, limit = wanted.owner is not None, self._page
        async with self._turns:
            async with self._database.tenant(wanted.tenant_id, wanted.owner) as tx:
                found = await look_deliveries(tx, wanted=wanted.filter, before=before, limit=limit, of_owner=of_owner)
            rows = await explain(self._database, self._redis, found.rows, default_cap=self._cap)
            return Found(rows, rows[-1].id if len(rows) == limit else found.beyond)
