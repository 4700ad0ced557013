"""How an endpoint is: read from the rollups and the index of what waits, in the tenant's role."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.journal.record_queries import COUNTS
from core.journal.stats import Backlog, Window
from core.model.ids import EndpointId
from core.model.latency import SLOTS
from core.model.outcome import ErrorClass
from core.model.tables import BUCKET

BACKLOG_LIMIT: Final = 10_000
"""Waiting deliveries are counted up to here: a backlog of a million costs no more."""

_ERRORS: Final = [error.value for error in ErrorClass]
SUMS: Final = ", ".join(f"coalesce(sum(r.{name}), 0)::INTEGER AS {name}" for name in COUNTS)
"""What rows `r` of rollups come to, but for their latencies."""

_SLOTS: Final = ", ".join(f"coalesce(sum(r.latencies[{slot}]), 0)::INTEGER" for slot in range(1, SLOTS + 1))
SUM_OF_LATENCIES: Final = f"ARRAY[{_SLOTS}] AS latencies"

# A window begins with a bucket: a little more than its hours, and exactly what the log holds since then. Those that
# reach back to where rows are added up begin with an hour.
_WINDOWS: Final = f"""
SELECT w.name, w.since, {SUMS}, {SUM_OF_LATENCIES}
FROM (SELECT name, hours, date_bin(make_interval(secs => bucket), now() - make_interval(hours => hours),
                                   TIMESTAMPTZ '2000-01-01Z') AS since
      FROM (VALUES ('1h', 1, {BUCKET}), ('24h', 24, 3600), ('7d', 168, 3600)) AS v (name, hours, bucket)) w
LEFT JOIN LATERAL (SELECT * FROM rollups WHERE lane = :lane AND bucket >= w.since) r ON true
GROUP BY w.name, w.since, w.hours ORDER BY w.hours
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    since: datetime
    succeeded: int
    failed: int
    unknown: int
    timeout: int
    connect: int
    tls: int
    dns: int
    blocked_address: int
    too_large: int
    protocol: int
    http_status: int
    latencies: list[int]


async def read_windows(tx: AsyncConnection, *, endpoint_id: EndpointId) -> tuple[Window, ...]:
    """Add up the last hour, day and week of an endpoint, by `rollups_pkey`: some 200 rows of the week."""
    rows = await fetch_all(tx, _Row, _WINDOWS, lane=endpoint_id)
    return tuple(
        Window(
            name=row.name,
            since=row.since,
            succeeded=row.succeeded,
            failed=row.failed,
            unknown=row.unknown,
            errors={error: getattr(row, error) for error in _ERRORS},
            latencies=row.latencies,
        )
        for row in rows
    )


async def read_backlog(tx: AsyncConnection, *, endpoint_id: EndpointId) -> Backlog:
    """Count what waits for an endpoint, up to `BACKLOG_LIMIT`, by `deliveries_due_idx`."""
    sql = """
    SELECT (SELECT count(*) FROM (SELECT FROM deliveries WHERE lane = :lane AND due_at IS NOT NULL
                                  LIMIT :limit) w)::INTEGER AS waiting,
           (SELECT greatest(round(extract(EPOCH FROM now() - due_at), 3), 0)::FLOAT8 FROM deliveries
            WHERE lane = :lane AND due_at IS NOT NULL ORDER BY due_at LIMIT 1) AS oldest_seconds
    """
    found = await fetch_one(tx, Backlog, sql, lane=endpoint_id, limit=BACKLOG_LIMIT)
    return found or Backlog(waiting=0, oldest_seconds=None)
