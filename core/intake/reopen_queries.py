"""The statements that reopen and cancel deliveries, in the engine's role: each carries the tenant itself."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_one
from core.intake.accept import PUBLISHED_FOR
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.queued import Queued


@dataclass(frozen=True, slots=True)
class Payload:
    """Whether an event still has what is to be sent."""

    erased: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Whether an endpoint may be sent to."""

    disabled: bool
    deleted: bool


@dataclass(frozen=True, slots=True)
class Reopened:
    """A delivery that was reopened; `on_the_wire` if it is due only when its present attempt ends."""

    delivery_id: UUID
    lane: UUID
    tenant_id: UUID
    on_the_wire: bool

    @property
    def queued(self) -> Queued:
        """Return what to publish."""
        return Queued(self.delivery_id, self.lane, self.tenant_id, asked=True)


async def lock_payload(tx: AsyncConnection, *, tenant_id: TenantId, delivery_id: DeliveryId) -> Payload | None:
    """Keep a delivery's payload from being erased, by the primary keys; `None` if its event is gone."""
    sql = """
    SELECT v.erased_at IS NOT NULL AS erased FROM events v
    WHERE v.id = (SELECT event_id FROM deliveries WHERE id = :id AND tenant_id = :tenant_id) FOR SHARE
    """
    return await fetch_one(tx, Payload, sql, id=delivery_id, tenant_id=tenant_id)


async def lock_target(tx: AsyncConnection, *, tenant_id: TenantId, delivery_id: DeliveryId) -> Target | None:
    """Lock a delivery, then keep its endpoint as it is, in the order in which outcomes are recorded.

    `None` if it goes to a task's own URL.
    """
    held = "SELECT FROM deliveries WHERE id = :id AND tenant_id = :tenant_id FOR UPDATE"
    await execute(tx, held, id=delivery_id, tenant_id=tenant_id)
    sql = """
    SELECT e.status = 'disabled' AS disabled, e.deleted_at IS NOT NULL AS deleted FROM endpoints e
    WHERE e.id = (SELECT endpoint_id FROM deliveries WHERE id = :id AND tenant_id = :tenant_id) FOR SHARE
    """
    return await fetch_one(tx, Target, sql, id=delivery_id, tenant_id=tenant_id)


async def read_target(tx: AsyncConnection, *, endpoint_id: EndpointId) -> Target | None:
    """Look up an endpoint in the tenant's role, a deleted one too, by its primary key."""
    sql = "SELECT status = 'disabled' AS disabled, deleted_at IS NOT NULL AS deleted FROM endpoints WHERE id = :id"
    return await fetch_one(tx, Target, sql, id=endpoint_id)


# What is on the wire keeps its claim: `record_attempts` or `give_back` makes it due when that ends. What had ended has
# lost its place in the order and takes the last one; what waits has it still.
_RESEND: Final = """
UPDATE deliveries SET
    resend_asked_at = CASE WHEN lease_until IS NOT NULL THEN now() END,
    status = CASE WHEN succeeded_at IS NOT NULL THEN 'succeeded' WHEN finished_at IS NULL THEN status
                  WHEN attempt_count = 0 THEN 'pending' ELSE 'retrying' END,
    reason = NULL, finished_at = CASE WHEN succeeded_at IS NOT NULL THEN finished_at END,
    sequence = CASE WHEN due_at IS NULL THEN nextval('delivery_order') ELSE sequence END,
    due_at = CASE WHEN lease_until IS NULL THEN now() ELSE coalesce(due_at, now()) END,
    trigger = CASE WHEN lease_until IS NULL THEN 'resend' ELSE trigger END,
    step = CASE WHEN lease_until IS NULL THEN 0 ELSE step END,
    unknown_run = CASE WHEN lease_until IS NULL THEN 0 ELSE unknown_run END,
    wait_reason = CASE WHEN lease_until IS NOT NULL THEN wait_reason END,
    published_until = CASE WHEN lease_until IS NULL THEN now() + CAST(:published AS INTERVAL) END
WHERE id = :id AND tenant_id = :tenant_id
RETURNING id AS delivery_id, lane, tenant_id, lease_until IS NOT NULL AS on_the_wire
"""


async def reopen_for_resend(
    tx: AsyncConnection, *, tenant_id: TenantId, delivery_id: DeliveryId, publish: bool
) -> Reopened | None:
    """Make a delivery due now with its schedule from the start, by its primary key; `None` if there is none.

    With `publish` false nothing will be published now, and the feeder may take it at once.
    """
    published = timedelta(seconds=PUBLISHED_FOR) if publish else None
    return await fetch_one(tx, Reopened, _RESEND, id=delivery_id, tenant_id=tenant_id, published=published)


async def cancel_delivery(tx: AsyncConnection, *, tenant_id: TenantId, delivery_id: DeliveryId) -> bool:
    """End a delivery that waits or is on the wire, by its primary key; false if it has ended.

    One that had succeeded loses the attempt that it was to be sent again by, and stays so.
    """
    sql = """
    UPDATE deliveries SET due_at = NULL, published_until = NULL, wait_reason = NULL, resend_asked_at = NULL,
        status = CASE WHEN succeeded_at IS NULL THEN 'cancelled' ELSE 'succeeded' END,
        reason = CASE WHEN succeeded_at IS NULL THEN 'client' END, finished_at = coalesce(finished_at, now())
    WHERE id = :id AND tenant_id = :tenant_id AND due_at IS NOT NULL
    """
    return await execute(tx, sql, id=delivery_id, tenant_id=tenant_id) == 1
