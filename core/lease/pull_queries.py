"""The statements by which deliveries are pulled: of the endpoint and of earlier claims in the tenant's role."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.lease.claim import Claimed, Puller
from core.lease.queries import CARRIED, IS_OWN
from core.model.ids import EndpointId, TenantId


@dataclass(frozen=True, slots=True)
class PullTarget:
    """Whether an endpoint may be pulled from, and how fast."""

    pulled: bool
    disabled: bool
    deleted: bool
    rate_limit: int | None


async def read_pull_target(tx: AsyncConnection, *, endpoint_id: EndpointId) -> PullTarget | None:
    """Look up an endpoint, a deleted one too, by its primary key."""
    sql = """
    SELECT mode = 'pull' AS pulled, status = 'disabled' AS disabled, deleted_at IS NOT NULL AS deleted, rate_limit
    FROM endpoints WHERE id = :id
    """
    return await fetch_one(tx, PullTarget, sql, id=endpoint_id)


@dataclass(frozen=True, slots=True)
class _Named:
    id: UUID


async def asked_of_lane(tx: AsyncConnection, *, tenant_id: TenantId, lane: UUID, limit: int) -> tuple[UUID, ...]:
    """Return what was asked for now, by a resend or a test, by `deliveries_asked_idx`."""
    sql = """
    SELECT id FROM deliveries
    WHERE tenant_id = :tenant AND lane = :lane AND trigger IN ('resend', 'test')
      AND due_at IS NOT NULL AND due_at <= now() AND lease_until IS NULL ORDER BY due_at, id LIMIT :limit
    """
    return tuple(one.id for one in await fetch_all(tx, _Named, sql, tenant=tenant_id, lane=lane, limit=limit))


class Held(Claimed, frozen=True, kw_only=True):
    """A claim that was handed out before, and has not run out."""

    lease_until: datetime


_HELD: Final = CARRIED.replace("\nFROM {} c", ", c.lease_until\nFROM {} c").format(f"""(
    SELECT d.*, coalesce(e.timeout, :timeout) AS timeout, e.max_in_flight AS cap, now() AS claimed_at
    FROM unnest(CAST(:ids AS UUID[]), CAST(:claims AS INTEGER[])) w(id, claim)
    JOIN deliveries d ON d.id = w.id AND d.claim = w.claim AND d.lane = :lane AND d.lease_until > now()
        AND d.payload_erased IS NOT TRUE
    JOIN endpoints e ON e.id = d.endpoint_id AND e.deleted_at IS NULL AND {IS_OWN})""")


async def read_held(
    tx: AsyncConnection, *, puller: Puller, claims: Mapping[UUID, int], default_timeout: int
) -> tuple[Held, ...]:
    """Return which of an endpoint's claims have not run out and were not ended, by their IDs."""
    ids, numbers = list(claims), list(claims.values())
    return await fetch_all(tx, Held, _HELD, ids=ids, claims=numbers, timeout=default_timeout, **puller.named())


@dataclass(frozen=True, slots=True)
class _Counted:
    lane: UUID
    due: int


async def due_in_lanes(tx: AsyncConnection, *, rooms: Mapping[UUID, int]) -> dict[UUID, int]:
    """Count what is due of each of these lanes, up to its room, in the engine's role, by `deliveries_due_idx`.

    A lane of which nothing is due is not in it.
    """
    sql = """
    SELECT l.id AS lane, n.due FROM unnest(CAST(:lanes AS UUID[]), CAST(:rooms AS INTEGER[])) l(id, room)
    CROSS JOIN LATERAL (
        SELECT count(*) AS due FROM (
            SELECT FROM deliveries d WHERE d.lane = l.id AND d.due_at <= now() AND d.lease_until IS NULL LIMIT l.room
        ) d) n
    WHERE n.due > 0
    """
    found = await fetch_all(tx, _Counted, sql, lanes=list(rooms), rooms=list(rooms.values()))
    return {one.lane: one.due for one in found}
