"""Withdraw what waits for an endpoint: its partner wants it no more."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, cast
from uuid import UUID

from core.database import Database
from core.intake.withdraw_queries import Wanted, withdraw_batch
from core.model.errors import NotFoundError
from core.model.ids import EndpointId, TenantId
from core.once import EVERY_TIME, Kept, OnceInParts
from core.registry.queries import read_endpoint

BATCH: Final = 1_000
"""Deliveries that one statement looks at: some 30 ms, in which it holds their locks."""
AT_ONCE: Final = 2
"""Batches that a process runs at once, whoever asks: the other connections are for those who wait for an answer."""
START: Final = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
_ANY: Final = ".*"
_COUNT: Final = "cancelled"


class Withdrawals:
    """Cancels in batches, each a transaction of its own: what is cancelled stays so, whatever happens to the rest."""

    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database: Final = database
        self._batch: Final = batch
        self._turns: Final = asyncio.Semaphore(AT_ONCE)

    async def withdraw(
        self,
        tenant_id: TenantId,
        owner: str | None,
        endpoint_id: EndpointId,
        *,
        before: datetime | None,
        event_types: Sequence[str],
        once: OnceInParts = EVERY_TIME,
    ) -> int:
        """Cancel what waits for an endpoint, all of it or what was made before a time, or is of these types.

        Returns how many were cancelled, under a key by all requests that came with it; raises `NotFoundError` if the
        caller has no such endpoint.
        """
        async with self._database.tenant(tenant_id, owner) as tx:
            if kept := await once.begin(tx, endpoint_id):
                return _told(kept)
            if await read_endpoint(tx, endpoint_id=endpoint_id) is None:
                raise NotFoundError("endpoint")
        prefixes = [one.removesuffix("*") for one in event_types if one.endswith(_ANY)]
        names = [one for one in event_types if not one.endswith(_ANY)]
        cancelled = await self._withdraw(tenant_id, endpoint_id, Wanted(before, names, prefixes), once)
        async with self._database.engine() as tx:
            kept = await once.end(tx)
        return cancelled if kept is None else _told(kept)

    async def _withdraw(self, tenant_id: TenantId, endpoint_id: EndpointId, wanted: Wanted, once: OnceInParts) -> int:
        cancelled, after = 0, START
        while True:
            # No transaction is open around this: listeners of all tenants are told of nothing that is newer than one.
            async with self._turns, self._database.engine() as tx:
                batch = await withdraw_batch(
                    tx, tenant_id=tenant_id, endpoint_id=endpoint_id, wanted=wanted, after=after, limit=self._batch
                )
                if not await once.count(tx, _COUNT, batch.cancelled):  # its answer was given, and stays as it is
                    await tx.rollback()
                    return cancelled
            cancelled += batch.cancelled
            if batch.seen < self._batch or batch.after is None or batch.after_id is None:
                return cancelled
            after = (batch.after, batch.after_id)


def _told(kept: Kept) -> int:
    return cast("int", kept.more[_COUNT])
