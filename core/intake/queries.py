"""The statements that take tasks in. They commit nothing: the caller's transaction does."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_one
from core.intake.accept import PUBLISHED_FOR, NewTask
from core.journal.queries import KEPT_TASK, TASK_COLUMNS
from core.journal.tasks import TaskRecord
from core.model.ids import TenantId


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


_HOLDS: Final = """d.tenant_id = ringback_tenant_id() AND d.type = :type AND d.unique_key = :unique_key
    AND d.status NOT IN ('FAILURE', 'REVOKED')"""
# One that waited too long for its start will not run any more, also before it is swept.
_IN_FORCE: Final = f"""{KEPT_TASK}
    AND (d.due_at IS NULL OR d.started_at IS NOT NULL OR d.expires_at IS NULL OR d.expires_at > now())"""


async def read_by_unique_key(tx: AsyncConnection, *, type_: str, unique_key: str) -> TaskRecord | None:
    """Return the task that holds a unique key, in the tenant's role, by `tasks_unique_key_idx`."""
    sql = f"""
    SELECT {TASK_COLUMNS} FROM tasks d WHERE {_HOLDS} AND {_IN_FORCE}
    """
    return await fetch_one(tx, TaskRecord, sql, type=type_, unique_key=unique_key)


async def free_unique_key(tx: AsyncConnection, *, type_: str, unique_key: str, ended: bool = False) -> None:
    """Take a unique key from a task past the retention, which nobody is shown any more, or past its `expires_at`.

    That is put back to where a start that began before it, and waits for this, finds it passed as well. With `ended`,
    also from one that has succeeded.
    """
    sql = f"""
    UPDATE tasks d SET unique_key = NULL, expires_at = CASE WHEN expires_at <= now() THEN created_at ELSE expires_at END
    WHERE {_HOLDS} AND (NOT ({_IN_FORCE}) OR :ended AND status = 'SUCCESS')
    """
    await execute(tx, sql, type=type_, unique_key=unique_key, ended=ended)


# All leases, not the tenant's by another index: there are as many as workers have slots, a tenant's past is endless.
RUNNING: Final = "running AS MATERIALIZED (SELECT tenant_id FROM tasks WHERE lease_until IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are of what a tenant may have, and how many it may have."""

    present: int
    allowed: int


async def count_waiting(tx: AsyncConnection, *, tenant_id: TenantId) -> Counted | None:
    """Count the tasks that wait, by `tasks_due_type_idx`, no further than the limit."""
    sql = """
    SELECT t.waiting_tasks AS allowed, (SELECT count(*) FROM (
        SELECT FROM tasks WHERE tenant_id = t.id AND due_at IS NOT NULL LIMIT t.waiting_tasks) w)::INTEGER AS present
    FROM tenants t WHERE t.id = :tenant_id
    """
    return await fetch_one(tx, Counted, sql, tenant_id=tenant_id)


async def count_due(tx: AsyncConnection, *, tenant_id: TenantId, at_once: int) -> Counted | None:
    """Count what is due, by `tasks_due_type_idx`, as far as matters; no more of it may be published than may run."""
    sql = f"""
    WITH {RUNNING}
    SELECT least(:at_once, CASE WHEN t.running_tasks IS NOT NULL THEN greatest(0, t.running_tasks
            - (SELECT count(*) FROM running r WHERE r.tenant_id = t.id)) END)::INTEGER AS allowed,
        (SELECT count(*) FROM (
            SELECT FROM tasks WHERE tenant_id = t.id AND due_at <= now() LIMIT :at_once) w)::INTEGER AS present
    FROM tenants t WHERE t.id = :tenant_id
    """
    return await fetch_one(tx, Counted, sql, tenant_id=tenant_id, at_once=at_once)
