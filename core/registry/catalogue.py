"""Describe event types."""

import asyncio
from typing import Final

from core.database import Database
from core.model.errors import LimitReachedError, NotFoundError
from core.model.ids import TenantId
from core.patience import Turns
from core.registry import event_type_queries as queries
from core.registry.event_types import TYPES, EventTypeRecord, EventTypeWish, check_event_type

WITHIN: Final = 2.0
"""Seconds in which a description has its turn to be checked; 503 beyond."""


class Catalogue:
    """Changes what a tenant says of its event types; each change commits before it returns."""

    def __init__(self, database: Database, turns: Turns | None = None) -> None:
        """Check a description at a time, in turn with whoever else has these turns: it takes up to 45 ms."""
        self._database: Final = database
        self._turns: Final = turns or Turns()

    async def put(self, tenant_id: TenantId, wish: EventTypeWish) -> tuple[EventTypeRecord, bool]:
        """Describe a type, or describe it anew; tell whether it is new.

        Raises `InvalidInputError` for a name, schema or example that is not allowed, `LimitReachedError` for one type
        too many, `TimeoutError` if too many others wait to be checked.
        """
        async with self._turns.take(WITHIN):
            await asyncio.to_thread(check_event_type, wish)
        async with self._database.tenant(tenant_id) as tx:
            if await queries.count_other_types(tx, tenant_id=tenant_id, name=wish.name) >= TYPES:
                raise LimitReachedError(f"The tenant has its {TYPES} event types.", policy="event-types", quota=TYPES)
            return await queries.put_event_type(tx, tenant_id=tenant_id, wish=wish)

    async def delete(self, tenant_id: TenantId, name: str) -> None:
        """Forget a type: its events are taken as they come; raise `NotFoundError` if there is none."""
        async with self._database.tenant(tenant_id) as tx:
            if not await queries.delete_event_type(tx, tenant_id=tenant_id, name=name):
                raise NotFoundError("event type")
