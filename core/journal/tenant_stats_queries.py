"""How a tenant is: read from the rollups and the index of what waits, in the tenant's role."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.journal.stats import Backlog
from core.journal.stats_queries import BACKLOG_LIMIT, SUM_OF_LATENCIES, SUMS
from core.journal.tenant_stats import Span, Troubled
from core.model.ids import EndpointId
from core.model.latency import SLOTS

TROUBLED_LIMIT: Final = 10
EVENTS_LIMIT: Final = 10_000
"""Events of the last five minutes are counted up to here; of more, the newest tell how fast they come."""

_ORIGIN: Final = "TIMESTAMPTZ '2000-01-01Z'"
_STEP: Final = "make_interval(secs => :step)"
_SINCE: Final = f"date_bin({_STEP}, now() - make_interval(secs => :seconds), {_ORIGIN})"
_NONE: Final = f"array_fill(0, ARRAY[{SLOTS}])"
_COUNTS: Final = [part.rpartition(" AS ")[2] for part in SUMS.split(", ") if " AS " in part]


async def read_spans(
    tx: AsyncConnection, *, seconds: int, step: int, lane: EndpointId | None = None
) -> tuple[Span, ...]:
    """Add up the tenant's attempts by spans of `step` seconds, by `rollups_tenant_id_bucket_idx`.

    Of one lane, by `rollups_pkey`. A row for each lane and bucket is read. Spans without an attempt are there
    too. A span begins with a bucket.
    """
    of_lane = "" if lane is None else " AND r.lane = :lane"
    sql = f"""
    SELECT g.at, {", ".join(f"coalesce(s.{name}, 0) AS {name}" for name in _COUNTS)},
           coalesce(s.latencies, {_NONE}) AS latencies
    FROM generate_series({_SINCE}, now(), {_STEP}) g (at)
    LEFT JOIN (
        SELECT date_bin({_STEP}, r.bucket, {_ORIGIN}) AS at, {SUMS}, {SUM_OF_LATENCIES}
        FROM rollups r WHERE r.tenant_id = ringback_tenant_id() AND r.bucket >= {_SINCE}{of_lane}
        GROUP BY 1
    ) s ON s.at = g.at ORDER BY g.at
    """
    of: dict[str, object] = {} if lane is None else {"lane": lane}
    return await fetch_all(tx, Span, sql, seconds=float(seconds), step=float(step), **of)


async def read_troubled(tx: AsyncConnection, *, seconds: int, step: int) -> tuple[Troubled, ...]:
    """Return the endpoints with the largest share of failures, the worst one first; by the same index."""
    sql = f"""
    SELECT e.id, nullif(e.url, '') AS url, e.description, e.status, e.disabled_reason, e.failing_since,
           s.succeeded, s.failed
    FROM (SELECT lane, sum(succeeded)::INTEGER AS succeeded, sum(failed)::INTEGER AS failed FROM rollups
          WHERE tenant_id = ringback_tenant_id() AND bucket >= {_SINCE}
          GROUP BY lane HAVING sum(failed) > 0) s
    JOIN endpoints e ON e.id = s.lane AND e.deleted_at IS NULL
    ORDER BY s.failed::FLOAT8 / (s.succeeded + s.failed) DESC, s.failed DESC, e.id LIMIT {TROUBLED_LIMIT}
    """
    return await fetch_all(tx, Troubled, sql, seconds=float(seconds), step=float(step))


async def read_tenant_backlog(tx: AsyncConnection) -> Backlog:
    """Count what waits for the tenant, up to `BACKLOG_LIMIT`: lane by lane, by `deliveries_due_idx`.

    Its lanes are its endpoints and, of tasks' own URLs, those of which something was sent within a day.
    """
    sql = """
    WITH lanes AS (
        SELECT id AS lane FROM endpoints WHERE tenant_id = ringback_tenant_id() AND deleted_at IS NULL
        UNION SELECT lane FROM rollups WHERE tenant_id = ringback_tenant_id() AND bucket >= now() - INTERVAL '1 day'
    )
    SELECT (SELECT count(*) FROM (
                SELECT FROM lanes l JOIN LATERAL (
                    SELECT FROM deliveries WHERE lane = l.lane AND due_at IS NOT NULL LIMIT :limit) d ON true
                LIMIT :limit) w)::INTEGER AS waiting,
           (SELECT greatest(round(extract(EPOCH FROM now() - min(d.due_at)), 3), 0)::FLOAT8 FROM lanes l
            JOIN LATERAL (SELECT due_at FROM deliveries WHERE lane = l.lane AND due_at IS NOT NULL
                          ORDER BY due_at LIMIT 1) d ON true) AS oldest_seconds
    """
    found = await fetch_one(tx, Backlog, sql, limit=BACKLOG_LIMIT)
    return found or Backlog(waiting=0, oldest_seconds=None)


@dataclass(frozen=True, slots=True)
class _Count:
    per_minute: float


async def read_event_rate(tx: AsyncConnection) -> float:
    """Return how many events a minute came in the last five, by `events_tenant_id_id_idx`.

    Only for the whole tenant: an owner's events are known by their deliveries, each of which would be looked for.
    """
    sql = f"""
    SELECT CASE WHEN count(*) < {EVENTS_LIMIT} THEN count(*) / 5.0
           ELSE count(*) * 60 / greatest(extract(EPOCH FROM now() - min(created_at)), 1) END::FLOAT8 AS per_minute
    FROM (SELECT created_at FROM events
          WHERE tenant_id = ringback_tenant_id() AND id >= ringback_floor(now() - INTERVAL '5 min')
          ORDER BY id DESC LIMIT {EVENTS_LIMIT}) e
    """
    found = await fetch_one(tx, _Count, sql)
    return 0.0 if found is None else round(found.per_minute, 1)
