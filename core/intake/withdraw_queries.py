"""The statement by which a partner withdraws what waits for an endpoint, in the engine's role."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.database import AnyConnection, fetch_one
from core.model.ids import EndpointId, TenantId

# By deliveries_due_idx: from where the last batch ended, so that what is not wanted is looked at once. What is locked
# is looked at again under its lock: what was claimed meanwhile is on the wire, ends, and is recorded.
_WITHDRAW: Final = """
WITH seen AS (
    SELECT id, due_at, event_type, created_at FROM deliveries
    WHERE lane = :lane AND tenant_id = :tenant_id AND due_at >= :after AND (due_at, id) > (:after, :after_id)
    ORDER BY due_at, id LIMIT :limit
), locked AS (
    SELECT d.id FROM seen s JOIN deliveries d ON d.id = s.id
    WHERE d.due_at IS NOT NULL AND d.lease_until IS NULL
        AND (CAST(:before AS TIMESTAMPTZ) IS NULL OR s.created_at < :before)
        AND (NOT :some OR s.event_type = ANY(CAST(:names AS TEXT[]))
             OR EXISTS (SELECT FROM unnest(CAST(:prefixes AS TEXT[])) p WHERE starts_with(s.event_type, p)))
    ORDER BY d.id FOR UPDATE OF d
), ended AS (
    UPDATE deliveries d SET due_at = NULL, published_until = NULL, wait_reason = NULL,
        status = CASE WHEN d.succeeded_at IS NULL THEN 'cancelled' ELSE 'succeeded' END,
        reason = CASE WHEN d.succeeded_at IS NULL THEN 'client' END, finished_at = coalesce(d.finished_at, now())
    FROM locked l WHERE d.id = l.id RETURNING d.id
), last AS (
    SELECT due_at, id FROM seen ORDER BY due_at DESC, id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM ended)::INTEGER AS cancelled, (SELECT count(*) FROM seen)::INTEGER AS seen,
       (SELECT due_at FROM last) AS after, (SELECT id FROM last) AS after_id
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """How many were cancelled, of how many that were looked at, and where the next batch begins."""

    cancelled: int
    seen: int
    after: datetime | None
    after_id: UUID | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be withdrawn: what was made before a time, of these types (names, and prefixes that end in a dot)."""

    before: datetime | None = None
    names: Sequence[str] = ()
    prefixes: Sequence[str] = ()


async def withdraw_batch(
    tx: AnyConnection,
    *,
    tenant_id: TenantId,
    endpoint_id: EndpointId,
    wanted: Wanted,
    after: tuple[datetime, UUID],
    limit: int,
) -> Batch:
    """Cancel of the next `limit` deliveries that wait for an endpoint those that are wanted, with reason `client`."""
    values: dict[str, object] = {
        "lane": endpoint_id,
        "tenant_id": tenant_id,
        "before": wanted.before,
        "some": bool(wanted.names or wanted.prefixes),
        "names": list(wanted.names),
        "prefixes": list(wanted.prefixes),
        "after": after[0],
        "after_id": after[1],
        "limit": limit,
    }
    found = await fetch_one(tx, Batch, _WITHDRAW, **values)
    assert found is not None  # it selects no table
    return found
