"""What the operator watches: how much waits and how old it is, across all tenants; in the engine's role."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.model.outcome import ErrorClass
from core.model.tables import BUCKET


@dataclass(frozen=True, slots=True)
class TaskGauge:
    """How many tasks of a type have not ended, by state; `oldest_seconds` is how long the oldest has been due."""

    type: str
    queue: str
    status: str
    count: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class DeliveryGauge:
    """How many deliveries wait, are due and are on the wire, and how long the oldest has been due (seconds)."""

    waiting: int = 0
    due: int = 0
    on_the_wire: int = 0
    oldest_seconds: float = 0.0


async def read_task_gauges(tx: AsyncConnection) -> tuple[TaskGauge, ...]:
    """Count what waits and runs, by `tasks_due_type_idx` and `tasks_leased_idx`."""
    sql = """
    SELECT type, queue, status, count(*)::INTEGER AS count,
           coalesce(greatest(extract(EPOCH FROM now() - min(due_at)), 0), 0)::FLOAT8 AS oldest_seconds
    FROM tasks WHERE due_at IS NOT NULL OR lease_until IS NOT NULL GROUP BY type, queue, status
    """
    return await fetch_all(tx, TaskGauge, sql)


@dataclass(frozen=True, slots=True)
class EndedGauge:
    """How many tasks of a type ended in the last minute, by how they ended; 0 for a type of which none did."""

    type: str
    queue: str
    status: str
    count: int


async def read_ended_gauges(tx: AsyncConnection) -> tuple[EndedGauge, ...]:
    """Count what ended in the last minute, by `tasks_finished_idx`: what ended before is not read."""
    sql = """
    SELECT type, queue, status, coalesce(e.count, 0) AS count
    FROM (SELECT DISTINCT name AS type, queue, status
          FROM task_types, (VALUES ('SUCCESS'), ('FAILURE'), ('REVOKED')) AS s (status)) AS k
    FULL JOIN (SELECT type, queue, status, count(*)::INTEGER AS count
               FROM tasks WHERE finished_at > now() - INTERVAL '1 minute' GROUP BY type, queue, status) AS e
        USING (type, queue, status)
    """
    return await fetch_all(tx, EndedGauge, sql)


async def read_delivery_gauge(tx: AsyncConnection) -> DeliveryGauge:
    """Count what waits, by `deliveries_due_idx` alone, and what is on the wire."""
    sql = """
    SELECT count(*)::INTEGER AS waiting, (count(*) FILTER (WHERE due_at <= now()))::INTEGER AS due,
           (SELECT count(*) FROM leases)::INTEGER AS on_the_wire,
           coalesce(greatest(extract(EPOCH FROM now() - min(due_at)), 0), 0)::FLOAT8 AS oldest_seconds
    FROM deliveries WHERE due_at IS NOT NULL
    """
    return await fetch_one(tx, DeliveryGauge, sql) or DeliveryGauge()


@dataclass(frozen=True, slots=True)
class AttemptGauge:
    """How many attempts had an outcome, and which error, in the last five minutes that are over."""

    outcome: str
    error: str
    count: int


_LAST_BUCKET: Final = f"""rollups
    WHERE bucket = date_bin(INTERVAL '{BUCKET} s', now() - INTERVAL '{BUCKET} s', TIMESTAMPTZ '2000-01-01Z')"""
_ATTEMPTS: Final = "\n    UNION ALL ".join(
    f"SELECT '{outcome}' AS outcome, '{error}' AS error, coalesce(sum({column}), 0)::INTEGER AS count FROM bucket"
    for outcome, error, column in [
        ("succeeded", "", "succeeded"),
        ("unknown", "", "unknown"),
        *(("failed", error.value, error.value) for error in ErrorClass),
    ]
)


async def read_attempt_gauges(tx: AsyncConnection) -> tuple[AttemptGauge, ...]:
    """Add up the attempts of the last whole bucket, by `rollups_bucket_idx`: a row for each lane."""
    sql = f"""
    WITH bucket AS (
        SELECT * FROM {_LAST_BUCKET}
    )
    {_ATTEMPTS}
    """
    return await fetch_all(tx, AttemptGauge, sql)


@dataclass(frozen=True, slots=True)
class _Share:
    share: float


async def read_cold_share(tx: AsyncConnection) -> float:
    """Return which share of the attempts of the last whole bucket opened a connection; by `rollups_bucket_idx`."""
    sql = f"""
    SELECT coalesce(sum(connected)::FLOAT8 / nullif(sum(succeeded + failed), 0), 0) AS share FROM {_LAST_BUCKET}
    """
    found = await fetch_one(tx, _Share, sql)
    return 0.0 if found is None else found.share


@dataclass(frozen=True, slots=True)
class EndpointGauge:
    """How many endpoints are disabled, and how many have failed since their last success."""

    disabled: int = 0
    failing: int = 0


async def read_endpoint_gauge(tx: AsyncConnection) -> EndpointGauge:
    """Count endpoints that are in trouble, by `endpoints_disabled_idx` and `endpoints_failing_idx`."""
    sql = """
    SELECT (SELECT count(*) FROM endpoints WHERE status = 'disabled' AND deleted_at IS NULL)::INTEGER AS disabled,
           (SELECT count(*) FROM endpoints
            WHERE failing_since IS NOT NULL AND status <> 'disabled' AND deleted_at IS NULL)::INTEGER AS failing
    """
    return await fetch_one(tx, EndpointGauge, sql) or EndpointGauge()
