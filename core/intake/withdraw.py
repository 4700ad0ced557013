"""Withdraw what waits for an endpoint: its partner wants it no more."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, cast
from uuid import UUID

from core.database import Database
from core.intake.withdraw_queries import Wanted, withdraw_batch
from core.model.errors import NotFoundError
from core.model.ids import EndpointId, TenantId
from core.once import EVERY_TIME, Once
from core.registry.queries import read_endpoint

BATCH: Final = 1_000
"""Deliveries that one statement looks at: some 30 ms, in which it holds their locks."""
START: Final = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
_ANY: Final = ".*"


class Withdrawals:
    """Cancels in batches, each a transaction of its own: what is cancelled stays so, whatever happens to the rest."""

    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database: Final = database
        self._batch: Final = batch

    async def withdraw(
        self,
        tenant_id: TenantId,
        owner: str | None,
        endpoint_id: EndpointId,
        *,
        before: datetime | None,
        event_types: Sequence[str],
        once: Once = EVERY_TIME,
    ) -> int:
        """Cancel what waits for an endpoint, all of it or what was made before a time, or is of these types.

        Returns how many were cancelled; raises `NotFoundError` if the caller has no such endpoint.
        """
        async with self._database.tenant(tenant_id, owner) as tx:
            if kept := await once.take(tx, endpoint_id):
                return cast("int", kept.more["cancelled"])
            if await read_endpoint(tx, endpoint_id=endpoint_id) is None:
                raise NotFoundError("endpoint")
            prefixes = [one.removesuffix("*") for one in event_types if one.endswith(_ANY)]
            names = [one for one in event_types if not one.endswith(_ANY)]
            # The key's transaction stays open beside the batches: it is kept with the count, or not at all.
            cancelled = await self._withdraw(tenant_id, endpoint_id, Wanted(before, names, prefixes))
            await once.note(tx, endpoint_id, {"cancelled": cancelled})
        return cancelled

    async def _withdraw(self, tenant_id: TenantId, endpoint_id: EndpointId, wanted: Wanted) -> int:
        cancelled, after = 0, START
        while True:
            async with self._database.engine() as tx:
                batch = await withdraw_batch(
                    tx, tenant_id=tenant_id, endpoint_id=endpoint_id, wanted=wanted, after=after, limit=self._batch
                )
            cancelled += batch.cancelled
            if batch.seen < self._batch or batch.after is None or batch.after_id is None:
                return cancelled
            after = (batch.after, batch.after_id)
