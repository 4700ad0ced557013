"""The statements that judge endpoints, in the engine's role."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.model.ids import EndpointId
from core.model.tables import BUCKET

HEALTH_LOCK: Final = 7_102_002
"""The advisory lock of whoever judges endpoints."""

LEAST_FAILURES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRule:
    """Who counts as having only failed for `after` seconds.

    Nothing succeeded since at least that long ago, and within it three attempts or more failed: at least one within
    the last `part` seconds, and so many that they lie in `parts` different parts, as far as buckets can tell parts
    apart. An endpoint that failed once and had no traffic since is not among them. With `untold`, only those of whose
    present stretch nobody has been told.
    """

    after: float
    part: float
    parts: int
    untold: bool


@dataclass(frozen=True, slots=True)
class _Locked:
    locked: bool


@dataclass(frozen=True, slots=True)
class FailingEndpoint:
    """Who has only failed, and whether its present stretch of failure was told."""

    id: EndpointId
    told: bool


async def try_lock(tx: AsyncConnection) -> bool:
    """Hold endpoints' health until the transaction ends; false if another process does."""
    found = await fetch_one(tx, _Locked, "SELECT pg_try_advisory_xact_lock(:lock) AS locked", lock=HEALTH_LOCK)
    return found is not None and found.locked


async def take_failing(tx: AsyncConnection, *, rule: FailingRule, limit: int) -> tuple[FailingEndpoint, ...]:
    """Lock enabled endpoints that have only failed, by `endpoints_failing_idx`, each judged by `rollups_pkey`."""
    sql = """
    SELECT e.id, COALESCE(e.failing_told_at >= e.failing_since, FALSE) AS told FROM endpoints e
    WHERE e.failing_since <= now() - make_interval(secs => :after) AND e.status = 'enabled' AND e.deleted_at IS NULL
        AND (NOT :untold OR e.failing_told_at IS NULL OR e.failing_told_at < e.failing_since)
        AND EXISTS (
            SELECT FROM rollups r
            WHERE r.lane = e.id AND r.failed > 0 AND r.bucket > now() - make_interval(secs => :after + :bucket)
            HAVING sum(r.failed) >= :least AND max(r.bucket) > now() - make_interval(secs => :part + :bucket)
                AND count(DISTINCT floor(extract(EPOCH FROM now() - r.bucket) / :part)) >= :parts)
    ORDER BY e.failing_since LIMIT :limit FOR UPDATE OF e SKIP LOCKED
    """
    values = {
        "after": float(rule.after),
        "part": float(rule.part),
        "parts": min(rule.parts, ceil(rule.after / BUCKET)),
        "untold": rule.untold,
        "bucket": float(BUCKET),
        "least": LEAST_FAILURES,
        "limit": limit,
    }
    return tuple(await fetch_all(tx, FailingEndpoint, sql, **values))


async def disable(tx: AsyncConnection, *, endpoint_ids: Sequence[EndpointId]) -> int:
    """Disable endpoints that only fail, by the primary key; the feeder cancels what waits for them."""
    sql = """
    UPDATE endpoints SET status = 'disabled', disabled_reason = 'failing', updated_at = now()
    WHERE id = ANY(CAST(:ids AS UUID[]))
    """
    return await execute(tx, sql, ids=list(endpoint_ids)) if endpoint_ids else 0


async def note_told(tx: AsyncConnection, *, endpoint_ids: Sequence[EndpointId]) -> int:
    """Note that the present stretch of failure of endpoints was told, by the primary key."""
    sql = "UPDATE endpoints SET failing_told_at = now() WHERE id = ANY(CAST(:ids AS UUID[]))"
    return await execute(tx, sql, ids=list(endpoint_ids)) if endpoint_ids else 0
