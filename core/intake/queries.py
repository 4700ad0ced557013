"""The statements of acceptance. They commit nothing: the caller's transaction does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.intake.accept import PUBLISHED_FOR, NewEvent, NewTask, build_body, lane_of_url
from core.journal.queries import TASK_COLUMNS
from core.journal.tasks import TaskRecord
from core.model.ids import TenantId
from core.model.matching import reaches_unfiltered, subscriptions_of
from core.model.queued import Queued

# Fan-out is a join: to 10 or to 10,000 endpoints it is one statement, by endpoints_tenant_id_id_idx.
# The sequence is allotted in the order of the lines.
# An operational event stays with the owner of what it is about, and does not reach what it is about.
GIVEN: Final = """
    SELECT * FROM unnest(
        CAST(:ids AS UUID[]), CAST(:tenants AS UUID[]), CAST(:types AS TEXT[]), CAST(:patterns AS TEXT[]),
        CAST(:unfiltered AS BOOLEAN[]), CAST(:timestamps AS TIMESTAMPTZ[]), CAST(:bodies AS BYTEA[]),
        CAST(:offsets AS INTEGER[]), CAST(:lengths AS INTEGER[]), CAST(:clients AS TEXT[]), CAST(:keys AS TEXT[]),
        CAST(:tasks AS UUID[]), CAST(:urls AS TEXT[]), CAST(:lanes AS UUID[]),
        CAST(:only_if_wanted AS BOOLEAN[]), CAST(:about AS UUID[]), CAST(:owners AS TEXT[])
    ) WITH ORDINALITY AS g(id, tenant_id, type, patterns, unfiltered, at, body, data_offset, data_length,
                           client_id, ordering_key, task_id, url, lane, only_if_wanted, about, owner, line)
"""
FAN_OUT: Final = """
wanted AS (
    SELECT g.line, g.id AS event_id, g.tenant_id, g.type, g.task_id, g.ordering_key, e.id AS endpoint_id,
           CAST(NULL AS TEXT) AS url, e.id AS lane, e.status = 'disabled' AS dead
    FROM given g JOIN endpoints e ON e.tenant_id = g.tenant_id AND e.deleted_at IS NULL
        AND (e.event_types && string_to_array(g.patterns, ' ') OR (cardinality(e.event_types) = 0 AND g.unfiltered))
        AND (g.unfiltered OR (e.id IS DISTINCT FROM g.about AND (e.owner IS NULL OR e.owner = g.owner)))
    UNION ALL
    SELECT line, id, tenant_id, type, task_id, ordering_key, NULL, url, lane, false FROM given WHERE url IS NOT NULL
), made AS (
    INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, task_id, url, lane, status, reason,
                            trigger, due_at, published_until, ordering_key, finished_at)
    SELECT ringback_uuid7(), tenant_id, event_id, type, endpoint_id, task_id, url, lane,
           CASE WHEN dead THEN 'cancelled' ELSE 'pending' END, CASE WHEN dead THEN 'endpoint_disabled' END, 'first',
           CASE WHEN NOT dead THEN now() END, CASE WHEN NOT dead THEN now() + CAST(:published AS INTERVAL) END,
           ordering_key, CASE WHEN dead THEN now() END
    FROM wanted ORDER BY line, endpoint_id
    RETURNING id, event_id, tenant_id, lane, due_at
), accepted AS (
    INSERT INTO events (id, tenant_id, client_id, type, timestamp, body, data_offset, data_length, ordering_key,
                        task_id, deliveries)
    SELECT id, tenant_id, client_id, type, at, body, data_offset, data_length, ordering_key, task_id,
           (SELECT count(*) FROM wanted w WHERE w.line = g.line)
    FROM given g WHERE NOT only_if_wanted OR EXISTS (SELECT FROM wanted w WHERE w.line = g.line)
)
"""
_ACCEPT: Final = f"""
WITH given AS ({GIVEN}), {FAN_OUT}
SELECT id AS delivery_id, lane, tenant_id FROM made WHERE due_at IS NOT NULL
"""


async def accept_events(tx: AsyncConnection, *, events: Sequence[NewEvent], publish: bool) -> tuple[Queued, ...]:
    """Record events and fan them out, in the engine's role; return what is due, to publish after the commit.

    With `publish` false nothing will be published now, and the feeder may take the rows at once.
    """
    return await fetch_all(tx, Queued, _ACCEPT, **accept_values(events, publish=publish))


def accept_values(events: Sequence[NewEvent], *, publish: bool) -> dict[str, object]:
    """Return the parameters of `GIVEN` and `FAN_OUT`."""
    bodies = [build_body(event) for event in events]
    return {
        "ids": [event.id for event in events],
        "tenants": [event.tenant_id for event in events],
        "types": [event.type for event in events],
        "patterns": [" ".join(subscriptions_of(event.type)) for event in events],
        "unfiltered": [reaches_unfiltered(event.type) for event in events],
        "timestamps": [event.timestamp for event in events],
        "bodies": [body.bytes for body in bodies],
        "offsets": [body.offset for body in bodies],
        "lengths": [body.length for body in bodies],
        "clients": [event.client_id for event in events],
        "keys": [event.ordering_key for event in events],
        "tasks": [event.task_id for event in events],
        "urls": [event.webhook_url for event in events],
        "lanes": [event.webhook_url and lane_of_url(event.tenant_id, event.webhook_url) for event in events],
        "only_if_wanted": [event.only_if_wanted for event in events],
        "about": [event.about for event in events],
        "owners": [event.owner for event in events],
        "published": timedelta(seconds=PUBLISHED_FOR) if publish else None,
    }


async def insert_task(tx: AsyncConnection, *, task: NewTask, publish: bool) -> TaskRecord | None:
    """Record a task, in the tenant's role; `None` if its unique key is taken, by `tasks_unique_key_idx`.

    A delay is a row that is due later: it never lives in the broker.
    """
    sql = f"""
    INSERT INTO tasks (id, tenant_id, type, queue, status, input, webhook_url, sealed_webhook_secret, metadata,
                       unique_key, retry_of, due_at, expires_at, published_until, max_attempts, traceparent,
                       content)
    VALUES (:id, :tenant_id, :type, :queue, 'PENDING', :input, :webhook_url, :sealed_webhook_secret,
            CAST(:metadata AS JSONB), :unique_key, :retry_of, now() + make_interval(secs => :delay),
            now() + make_interval(secs => :expires_in), now() + CAST(:published AS INTERVAL), :max_attempts,
            :traceparent, :content)
    ON CONFLICT (tenant_id, type, unique_key)
        WHERE unique_key IS NOT NULL AND status NOT IN ('FAILURE', 'REVOKED') DO NOTHING
    RETURNING {TASK_COLUMNS}
    """
    values: dict[str, object] = {
        "id": task.id,
        "tenant_id": task.tenant_id,
        "type": task.type.name,
        "queue": task.type.queue,
        "input": task.input,
        "webhook_url": task.webhook_url,
        "sealed_webhook_secret": task.sealed_webhook_secret,
        "metadata": json.dumps(task.metadata),
        "unique_key": task.unique_key,
        "retry_of": task.retry_of,
        "content": task.content,
        "delay": task.delay,
        "expires_in": task.expires_in,
        "max_attempts": task.type.max_attempts,
        "traceparent": task.traceparent,
        "published": timedelta(seconds=PUBLISHED_FOR) if publish and not task.delay else None,
    }
    return await fetch_one(tx, TaskRecord, sql, **values)


async def read_by_unique_key(tx: AsyncConnection, *, type_: str, unique_key: str) -> TaskRecord | None:
    """Return the task that holds a unique key, in the tenant's role, by `tasks_unique_key_idx`."""
    sql = f"""
    SELECT {TASK_COLUMNS} FROM tasks WHERE tenant_id = ringback_tenant_id() AND type = :type
        AND unique_key = :unique_key AND status NOT IN ('FAILURE', 'REVOKED')
    """
    return await fetch_one(tx, TaskRecord, sql, type=type_, unique_key=unique_key)


# All leases, not the tenant's by another index: there are as many as workers have slots, a tenant's past is endless.
RUNNING: Final = "running AS MATERIALIZED (SELECT tenant_id FROM tasks WHERE lease_until IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are of what a tenant may have, and how many it may have."""

    present: int
    allowed: int


async def count_waiting(tx: AsyncConnection, *, tenant_id: TenantId) -> Counted | None:
    """Count the tasks that wait, by `tasks_due_idx`, no further than the limit."""
    sql = """
    SELECT t.waiting_tasks AS allowed, (SELECT count(*) FROM (
        SELECT FROM tasks WHERE tenant_id = t.id AND due_at IS NOT NULL LIMIT t.waiting_tasks) w)::INTEGER AS present
    FROM tenants t WHERE t.id = :tenant_id
    """
    return await fetch_one(tx, Counted, sql, tenant_id=tenant_id)


async def count_due(tx: AsyncConnection, *, tenant_id: TenantId, at_once: int) -> Counted | None:
    """Count what is due, by `tasks_due_idx`, as far as matters; no more of it may be published than may run."""
    sql = f"""
    WITH {RUNNING}
    SELECT least(:at_once, CASE WHEN t.running_tasks IS NOT NULL THEN greatest(0, t.running_tasks
            - (SELECT count(*) FROM running r WHERE r.tenant_id = t.id)) END)::INTEGER AS allowed,
        (SELECT count(*) FROM (
            SELECT FROM tasks WHERE tenant_id = t.id AND due_at <= now() LIMIT :at_once) w)::INTEGER AS present
    FROM tenants t WHERE t.id = :tenant_id
    """
    return await fetch_one(tx, Counted, sql, tenant_id=tenant_id, at_once=at_once)
