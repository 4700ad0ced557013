"""What clients do to deliveries that are there: send one again, cancel it.

```
ended, waiting ──► due now, trigger `resend` ──► attempt ──► succeeded, or the schedule from its start
on the wire    ──► kept until that attempt is recorded ──► the same
```
Locks are taken in one order, event, delivery, endpoint, so that whoever erases, disables or drops meanwhile is either
seen here, or sees what was reopened.
"""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import reopen_queries
from core.intake.reopen_queries import Target
from core.journal.retention_queries import hold_past
from core.model.errors import ConflictError, NotFoundError
from core.model.ids import DeliveryId, TenantId
from core.once import EVERY_TIME, Once


class Reopenings:
    """Reopens and cancels deliveries; each change commits before it returns.

    The caller has to have found the delivery in its tenant's role: this works in the engine's.
    """

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database: Final = database
        self._publisher: Final = publisher

    async def resend(self, tenant_id: TenantId, delivery_id: DeliveryId, once: Once = EVERY_TIME) -> None:
        """Send a delivery again, once at once; raise `ConflictError` if it has nowhere to go or nothing to bring."""
        publish = self._publisher.ready
        async with self._database.engine() as tx:
            if await once.take(tx, delivery_id):
                return
            await hold_past(tx)
            await _check_payload(tx, tenant_id, delivery_id)
            check_target(await reopen_queries.lock_target(tx, tenant_id=tenant_id, delivery_id=delivery_id))
            reopened = await reopen_queries.reopen_for_resend(
                tx, tenant_id=tenant_id, delivery_id=delivery_id, publish=publish
            )
        if reopened is None:
            raise NotFoundError("delivery")
        if publish and not reopened.on_the_wire:
            self._publisher.deliveries([reopened.queued])

    async def cancel(self, tenant_id: TenantId, delivery_id: DeliveryId, once: Once = EVERY_TIME) -> None:
        """Cancel a delivery; raise `ConflictError` if it has ended.

        An attempt on the wire ends and is recorded, and if it succeeds, that is how the delivery ended.
        """
        async with self._database.engine() as tx:
            if await once.take(tx, delivery_id):
                return
            if not await reopen_queries.cancel_delivery(tx, tenant_id=tenant_id, delivery_id=delivery_id):
                raise ConflictError("The delivery has ended.")


def check_target(target: Target | None) -> None:
    """Raise `ConflictError` if an endpoint may not be sent to; a task's own URL always may."""
    if target is not None and target.deleted:
        raise ConflictError("The endpoint was deleted.")
    if target is not None and target.disabled:
        raise ConflictError("The endpoint is disabled; enable it first.")


async def _check_payload(tx: AsyncConnection, tenant_id: TenantId, delivery_id: DeliveryId) -> None:
    payload = await reopen_queries.lock_payload(tx, tenant_id=tenant_id, delivery_id=delivery_id)
    if payload is None:
        raise ConflictError("The event is past its retention.")
    if payload.erased:
        raise ConflictError("The payload was erased.")
