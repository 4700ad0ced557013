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
from workers.start_queries import CROWDED

LOST_AFTER: Final = timedelta(seconds=9 * PUBLISHED_FOR)
"""How long after its time in the window a task is published again though its queue may be full of others' messages."""
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


# A loose scan over tasks_due_type_idx finds each tenant's queues and what types wait in them; of each type no more is
# looked at than the tenant's share of the queue, so that a backlog of a million costs what one of two shares costs.
# Room is what a tenant with a limit on running tasks may still start, null: any number. It bounds each queue, as one
# that stands still must not hold up the tenant's others; what was published beyond it is refused when it starts.
# A type in parts of which a tenant has many in line is held: looked at, so that the feeder hurries, and not published.
# Tasks of a type whose workers are gone wait aside: nobody would start them, and they would fill their tenant's share.
# What was published and did not start in time may stand in its queue still. As many are published again as messages are
# missing there, the longest ago first, so that a queue that stands still does not grow; a wiped one misses them all.
# Messages of tasks that were cancelled may stand for one that was lost: in the end it is let in beside them.
_TAKE_TASKS: Final = f"""
WITH RECURSIVE {RUNNING}, kinds AS (
    (SELECT tenant_id, queue, type FROM tasks WHERE due_at IS NOT NULL ORDER BY tenant_id, queue, type LIMIT 1)
    UNION ALL
    SELECT n.tenant_id, n.queue, n.type FROM kinds k CROSS JOIN LATERAL (
        SELECT tenant_id, queue, type FROM tasks t
        WHERE t.due_at IS NOT NULL AND (t.tenant_id, t.queue, t.type) > (k.tenant_id, k.queue, k.type)
        ORDER BY tenant_id, queue, type LIMIT 1) n
), rooms AS (
    SELECT q.tenant_id, q.queue, coalesce(s.share, :least_share) AS share,
           CASE WHEN n.running_tasks IS NOT NULL THEN greatest(0, n.running_tasks
               - (SELECT count(*) FROM running r WHERE r.tenant_id = q.tenant_id)) END AS room
    FROM (SELECT DISTINCT tenant_id, queue FROM kinds) q JOIN tenants n ON n.id = q.tenant_id
    LEFT JOIN unnest(CAST(:names AS TEXT[]), CAST(:shares AS INTEGER[])) s(queue, share) ON s.queue = q.queue
), queues AS MATERIALIZED (
    SELECT tenant_id, queue, room, greatest(1, least(share, room)) AS looked_at FROM rooms
), gone AS (
    SELECT coalesce(array_agg(name), '{{}}') AS types FROM (
        SELECT name FROM task_types GROUP BY name HAVING max(seen_at) < now() - CAST(:gone AS INTERVAL)) g
), crowded AS MATERIALIZED ({CROWDED}
), head AS (
    SELECT * FROM (
        SELECT h.id, h.published_until, q.tenant_id, q.queue, q.room, q.looked_at, c.type IS NOT NULL AS held,
               row_number() OVER (
                   PARTITION BY q.tenant_id, q.queue ORDER BY c.type IS NOT NULL, h.due_at, h.id) AS place
        FROM kinds k JOIN queues q ON q.tenant_id = k.tenant_id AND q.queue = k.queue
        LEFT JOIN crowded c ON c.tenant_id = k.tenant_id AND c.type = k.type CROSS JOIN LATERAL (
            SELECT id, due_at, published_until FROM tasks t
            WHERE t.tenant_id = k.tenant_id AND t.queue = k.queue AND t.type = k.type AND t.due_at <= now()
            ORDER BY due_at, id LIMIT q.looked_at) h
        WHERE k.type <> ALL((SELECT types FROM gone)::TEXT[])) h
    WHERE place <= looked_at
), standing AS (
    SELECT h.queue, count(h.published_until)::INTEGER AS standing, count(DISTINCT h.tenant_id)::INTEGER AS tenants,
           coalesce(max(d.depth), 0) AS depth
    FROM head h LEFT JOIN unnest(CAST(:deep AS TEXT[]), CAST(:depths AS INTEGER[])) d(queue, depth)
        ON d.queue = h.queue
    GROUP BY h.queue
), free AS (
    SELECT h.id, h.place, h.queue, h.published_until IS NOT NULL AS again FROM (
        SELECT id, place, queue, published_until, row_number() OVER (
            PARTITION BY queue, published_until IS NULL ORDER BY published_until, id) AS nth
        FROM head WHERE NOT held AND (room IS NULL OR place <= room)
            AND (published_until IS NULL OR published_until < now())
    ) h JOIN standing s ON s.queue = h.queue
    WHERE h.published_until IS NULL OR h.nth <= s.standing * CASE
        WHEN h.published_until < now() - CAST(:lost AS INTERVAL) THEN 2 ELSE 1 END - s.depth
    ORDER BY h.place LIMIT :limit
), taken AS (
    SELECT t.id, f.place FROM tasks t JOIN free f ON f.id = t.id
    WHERE t.due_at <= now() AND (t.published_until IS NULL OR t.published_until < now())
    FOR UPDATE OF t SKIP LOCKED
), published AS (
    UPDATE tasks t SET published_until = now() + CAST(:published AS INTERVAL) FROM taken k WHERE t.id = k.id
    RETURNING t.id AS task_id, t.type, t.queue, k.place
)
SELECT s.queue, s.standing - (SELECT count(*) FROM free f WHERE f.queue = s.queue AND f.again)::INTEGER AS standing,
       s.tenants, p.task_id, p.type
FROM standing s LEFT JOIN published p ON p.queue = s.queue
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


async def take_due_tasks(
    tx: AnyConnection, *, limit: int, shares: Mapping[str, int], depths: Mapping[str, int] | None = None
) -> DueTasks:
    """Take tasks that are due and stand in no window, of each tenant and queue the first ones; by `tasks_due_type_idx`.

    Of each tenant no more than its share in a queue is published. Of one with a limit on running tasks no more than may
    start; what runs is counted by `tasks_leased_idx`. `depths` are the messages that wait in each queue; in one that is
    not named none does.
    """
    depths = depths or {}
    values: dict[str, object] = {
        "limit": limit,
        "least_share": LEAST,
        "names": list(shares),
        "shares": list(shares.values()),
        "deep": list(depths),
        "depths": list(depths.values()),
        "published": timedelta(seconds=PUBLISHED_FOR),
        "lost": LOST_AFTER,
        "gone": timedelta(seconds=GONE_AFTER),
    }
    rows = await fetch_all(tx, _Taken, _TAKE_TASKS, **values)
    tasks = tuple(
        QueuedTask(row.task_id, row.type, row.queue) for row in rows if row.task_id is not None and row.type is not None
    )
    return DueTasks(tasks, {row.queue: Standing(row.standing, row.tenants) for row in rows})
