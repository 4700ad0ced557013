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


async def read_delivery_gauge(tx: AsyncConnection) -> DeliveryGauge:
    """Count what waits and is on the wire, by `deliveries_due_idx`."""
    sql = """
    SELECT count(*)::INTEGER AS waiting, (count(*) FILTER (WHERE due_at <= now()))::INTEGER AS due,
           (count(*) FILTER (WHERE lease_until IS NOT NULL))::INTEGER AS on_the_wire,
           coalesce(greatest(extract(EPOCH FROM now() - min(due_at)), 0), 0)::FLOAT8 AS oldest_seconds
    FROM deliveries WHERE due_at IS NOT NULL
    """
    return await fetch_one(tx, DeliveryGauge, sql) or DeliveryGauge()
