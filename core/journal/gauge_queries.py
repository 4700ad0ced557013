"""What the operator watches: how much waits and how old it is, across all tenants; in the engine's role."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one


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
    """Count what waits and runs, by `tasks_due_idx` and `tasks_leased_idx`."""
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
    """Count what waits and is on the wire, by `deliveries_due_idx`."""
    sql = """
    SELECT count(*)::INTEGER AS waiting, (count(*) FILTER (WHERE due_at <= now()))::INTEGER AS due,
           (count(*) FILTER (WHERE lease_until IS NOT NULL))::INTEGER AS on_the_wire,
           coalesce(greatest(extract(EPOCH FROM now() - min(due_at)), 0), 0)::FLOAT8 AS oldest_seconds
    FROM deliveries WHERE due_at IS NOT NULL
    """
    return await fetch_one(tx, DeliveryGauge, sql) or DeliveryGauge()
