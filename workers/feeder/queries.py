"""The feeder's statements, all in the engine's role."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import AnyConnection, execute, fetch_all
from core.intake.accept import PUBLISHED_FOR
from core.intake.queries import RUNNING
from core.lease.claim import Lapsed
from core.model.queued import QueuedTask
from workers.feeder.shares import LEAST, Standing

GONE_AFTER: Final = 60
"""Seconds after which a task type is taken for one that nobody runs: each worker says every 10 s what it offers."""


async def take_lapsed(
    tx: AsyncConnection, *, limit: int, default_timeout: int, only: UUID | None = None
) -> tuple[Lapsed, ...]:
    """Lock deliveries whose lease has run out, by `deliveries_pkey`; all leases are read, as few as are on the wire.

    Of a closed tenant's the endpoint may be gone.
    """
    sql = """
    SELECT d.id AS delivery_id, d.tenant_id, d.claim, d.attempt_count AS number, d.trigger, d.created_at,
           coalesce(d.url, e.url, '') AS url, d.step, d.unknown_run, d.succeeded_at IS NOT NULL AS had_succeeded,
           e.retry_schedule AS schedule, coalesce(e.timeout, :timeout) AS timeout, d.lease_until, now() AS now,
           coalesce(e.ordering = 'fifo', false) AS ordered
    FROM deliveries d LEFT JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.id = ANY(ARRAY(SELECT delivery_id FROM leases WHERE until < now()
        AND (CAST(:only AS UUID) IS NULL OR delivery_id = CAST(:only AS UUID))))
      AND d.lease_until < now() ORDER BY d.id LIMIT :limit FOR UPDATE OF d SKIP LOCKED
    """
    return await fetch_all(tx, Lapsed, sql, limit=limit, timeout=default_timeout, only=only)


async def cancel_undeliverable(tx: AsyncConnection, *, limit: int, back: float) -> int:
    """Cancel what still waits for an endpoint that is disabled or deleted, by `deliveries_due_idx`.

    Of the endpoints only those are looked at that have changed in the last `back` seconds, by `endpoints_ended_idx`.
    """
    sql = """
    WITH dead AS (
        SELECT d.id, CASE WHEN e.deleted_at IS NULL THEN 'endpoint_disabled' ELSE 'endpoint_deleted' END AS reason
        FROM endpoints e CROSS JOIN LATERAL (
            SELECT id FROM deliveries WHERE lane = e.id AND due_at IS NOT NULL AND lease_until IS NULL
            LIMIT :limit FOR UPDATE SKIP LOCKED) d
        WHERE (e.deleted_at IS NOT NULL OR e.status = 'disabled')
            AND e.updated_at > now() - make_interval(secs => CAST(:back AS FLOAT8)) LIMIT :limit
    )
    UPDATE deliveries d SET due_at = NULL, published_until = NULL, wait_reason = NULL,
        status = CASE WHEN d.succeeded_at IS NULL THEN 'cancelled' ELSE 'succeeded' END,
        reason = CASE WHEN d.succeeded_at IS NULL THEN dead.reason END, finished_at = coalesce(d.finished_at, now())
    FROM dead WHERE d.id = dead.id
    """
    return await execute(tx, sql, limit=limit, back=back)


# A loose scan over tasks_due_idx finds each tenant's queues: a backlog of a million costs what one of two shares
# costs. Room is what a tenant with a limit on running tasks may still start, null: any number. It bounds each queue, as
# one that stands still must not hold up the tenant's others; what was published beyond it is refused when it starts.
# Tasks of a type whose workers are gone wait aside: nobody would start them, and they would fill their tenant's share.
_TAKE_TASKS: Final = f"""
WITH RECURSIVE {RUNNING}, queues AS (
    (SELECT tenant_id, queue FROM tasks WHERE due_at IS NOT NULL ORDER BY tenant_id, queue LIMIT 1)
    UNION ALL
    SELECT n.tenant_id, n.queue FROM queues q CROSS JOIN LATERAL (
        SELECT tenant_id, queue FROM tasks t
        WHERE t.due_at IS NOT NULL AND (t.tenant_id, t.queue) > (q.tenant_id, q.queue)
        ORDER BY tenant_id, queue LIMIT 1) n
), rooms AS (
    SELECT q.tenant_id, q.queue, coalesce(s.share, :least_share) AS share,
           CASE WHEN n.running_tasks IS NOT NULL THEN greatest(0, n.running_tasks
               - (SELECT count(*) FROM running r WHERE r.tenant_id = q.tenant_id)) END AS room
    FROM queues q JOIN tenants n ON n.id = q.tenant_id
    LEFT JOIN unnest(CAST(:names AS TEXT[]), CAST(:shares AS INTEGER[])) s(queue, share) ON s.queue = q.queue
), gone AS (
    SELECT coalesce(array_agg(name), '{{}}') AS types FROM (
        SELECT name FROM task_types GROUP BY name HAVING max(seen_at) < now() - CAST(:gone AS INTERVAL)) g
), head AS (
    SELECT h.id, h.place, h.published_until, q.tenant_id, q.queue, q.room FROM rooms q CROSS JOIN LATERAL (
        SELECT id, published_until, row_number() OVER (ORDER BY due_at, id) AS place FROM tasks t
        WHERE t.tenant_id = q.tenant_id AND t.queue = q.queue AND t.due_at <= now()
            AND t.type <> ALL((SELECT types FROM gone)::TEXT[])
        ORDER BY due_at, id LIMIT greatest(1, least(q.share, q.room))) h
), free AS (
    SELECT id, place FROM head
    WHERE (room IS NULL OR place <= room) AND (published_until IS NULL OR published_until < now())
    ORDER BY place LIMIT :limit
), standing AS (
    SELECT queue, count(*) FILTER (WHERE published_until >= now())::INTEGER AS standing,
           count(DISTINCT tenant_id)::INTEGER AS tenants FROM head GROUP BY queue
), taken AS (
    SELECT t.id, f.place FROM tasks t JOIN free f ON f.id = t.id
    WHERE t.due_at <= now() AND (t.published_until IS NULL OR t.published_until < now())
    FOR UPDATE OF t SKIP LOCKED
), published AS (
    UPDATE tasks t SET published_until = now() + CAST(:published AS INTERVAL) FROM taken k WHERE t.id = k.id
    RETURNING t.id AS task_id, t.type, t.queue, k.place
)
SELECT s.queue, s.standing, s.tenants, p.task_id, p.type FROM standing s LEFT JOIN published p ON p.queue = s.queue
ORDER BY p.place
"""


@dataclass(frozen=True, slots=True)
class DueTasks:
    """Tasks to publish, and the queues in which any task is due: each start or end makes room for the next."""

    tasks: tuple[QueuedTask, ...]
    queues: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class _Taken:
    queue: str
    standing: int
    tenants: int
    task_id: UUID | None
    type: str | None


async def take_due_tasks(tx: AnyConnection, *, limit: int, shares: Mapping[str, int]) -> DueTasks:
    """Take tasks that are due and stand in no window, of each tenant and queue the first ones; by `tasks_due_idx`.

    Of each tenant no more than its share in a queue is published. Of one with a limit on running tasks no more than may
    start; what runs is counted by `tasks_leased_idx`.
    """
    values: dict[str, object] = {
        "limit": limit,
        "least_share": LEAST,
        "names": list(shares),
        "shares": list(shares.values()),
        "published": timedelta(seconds=PUBLISHED_FOR),
        "gone": timedelta(seconds=GONE_AFTER),
    }
    rows = await fetch_all(tx, _Taken, _TAKE_TASKS, **values)
    tasks = tuple(
        QueuedTask(row.task_id, row.type, row.queue) for row in rows if row.task_id is not None and row.type is not None
    )
    return DueTasks(tasks, {row.queue: Standing(row.standing, row.tenants) for row in rows})
