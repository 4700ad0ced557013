"""The statements of the live stream: attempts in the order in which they became visible.

A row keeps the transaction that wrote it. Transactions commit in any order, so that only those below the oldest one
under way (`pg_snapshot_xmin`) are read: nothing can appear behind what was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.model.ids import TenantId


class Place(NamedTuple):
    """A place in the order of attempts: everything up to it is known."""

    transaction: int
    delivery_id: UUID = UUID(int=0)
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAttempt:
    """An attempt, without headers and bodies, and what it was made for; `owner` is the endpoint's."""

    id: UUID
    tenant_id: TenantId
    delivery_id: UUID
    number: int
    transaction: int
    trigger: str
    outcome: str
    error: str | None
    note: str | None
    request_url: str | None
    response_status: int | None
    address: str | None
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float | None
    started_at: datetime
    event_id: UUID
    event_type: str
    endpoint_id: UUID | None
    task_id: UUID | None
    owner: str | None

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.transaction, self.delivery_id, self.number)


@dataclass(frozen=True, slots=True)
class _Number:
    number: int


_BELOW: Final = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"


async def read_horizon(tx: AsyncConnection) -> int:
    """Return the transaction below which every one has ended, and is in view."""
    found = await fetch_one(tx, _Number, f"SELECT {_BELOW} AS number")
    return 0 if found is None else found.number


# By attempts_tenant_id_transaction_idx, each tenant from its own place, and no more than a number of each.
_NEW: Final = """
SELECT a.id, a.tenant_id, a.delivery_id, a.number, a.transaction, a.trigger, a.outcome, a.error, a.note,
       nullif(a.request_url, '') AS request_url, a.response_status, a.address, a.dns_ms, a.connect_ms, a.tls_ms,
       a.first_byte_ms, a.total_ms, a.started_at,
       d.event_id, d.event_type, d.endpoint_id, d.task_id, e.owner
FROM unnest(CAST(:tenants AS UUID[]), CAST(:transactions AS BIGINT[]), CAST(:deliveries AS UUID[]),
            CAST(:numbers AS INTEGER[])) AS w (tenant_id, transaction, delivery_id, number)
CROSS JOIN LATERAL (
    SELECT * FROM attempts a WHERE a.tenant_id = w.tenant_id AND a.transaction >= w.transaction
        AND (a.transaction, a.delivery_id, a.number) > (w.transaction, w.delivery_id, w.number)
        AND a.transaction < :horizon
    ORDER BY a.transaction, a.delivery_id, a.number LIMIT :limit) a
JOIN deliveries d ON d.id = a.delivery_id LEFT JOIN endpoints e ON e.id = d.endpoint_id
ORDER BY a.transaction, a.delivery_id, a.number
"""


async def read_attempts_after(
    tx: AsyncConnection, *, places: Sequence[tuple[TenantId, Place]], horizon: int, limit: int
) -> tuple[LiveAttempt, ...]:
    """Read what has come after a place of each tenant, in the engine's role, `limit` of each at most.

    `horizon` has to be read before, so that all below it are in the view of this statement.
    """
    values: dict[str, object] = {
        "tenants": [tenant_id for tenant_id, _ in places],
        "transactions": [place.transaction for _, place in places],
        "deliveries": [place.delivery_id for _, place in places],
        "numbers": [place.number for _, place in places],
    }
    return await fetch_all(tx, LiveAttempt, _NEW, horizon=horizon, limit=limit, **values)


async def count_attempts_after(tx: AsyncConnection, *, tenant_id: TenantId, place: Place, limit: int) -> int:
    """Count what has come after a place, up to `limit`, by `attempts_tenant_id_transaction_idx`."""
    sql = """
    SELECT count(*) AS number FROM (SELECT FROM attempts a WHERE a.tenant_id = :tenant_id
        AND a.transaction >= :transaction LIMIT :limit) m
    """
    found = await fetch_one(tx, _Number, sql, tenant_id=tenant_id, transaction=place.transaction, limit=limit)
    return 0 if found is None else found.number
