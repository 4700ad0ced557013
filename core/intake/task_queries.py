"""The statements by which clients change their tasks, in the engine's role: each carries the tenant itself."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_one
from core.journal.queries import TASK_COLUMNS
from core.journal.tasks import TaskRecord
from core.model.endings import CANCELLED
from core.model.ids import TaskId, TenantId
from core.model.parts import HANDED_OVER, PARTS_RUN


@dataclass(frozen=True, slots=True)
class Sealed:
    """A task's own signing secret, sealed for its row."""

    sealed_webhook_secret: bytes | None


async def cancel_waiting(tx: AsyncConnection, *, tenant_id: TenantId, task_id: TaskId) -> TaskRecord | None:
    """Revoke a task that waits; `None` if it does not."""
    sql = f"""
    UPDATE tasks SET status = 'REVOKED', error_code = :code, error_title = :title, error_detail = :detail,
        cancel_asked_at = now(), due_at = NULL, published_until = NULL, finished_at = now()
    WHERE id = :id AND tenant_id = :tenant_id AND due_at IS NOT NULL RETURNING {TASK_COLUMNS}
    """
    values = {"code": CANCELLED.error_code, "title": CANCELLED.error_title, "detail": CANCELLED.error_detail}
    return await fetch_one(tx, TaskRecord, sql, id=task_id, tenant_id=tenant_id, **values)


async def ask_to_end(tx: AsyncConnection, *, tenant_id: TenantId, task_id: TaskId) -> TaskRecord | None:
    """Ask a running task to end; `None` if it does not run. One in parts, which nobody watches, the feeder ends."""
    sql = f"""
    UPDATE tasks SET cancel_asked_at = coalesce(cancel_asked_at, now()),
        lease_until = CASE WHEN leased_by IN ('{HANDED_OVER}', '{PARTS_RUN}') THEN now() ELSE lease_until END
    WHERE id = :id AND tenant_id = :tenant_id AND lease_until IS NOT NULL RETURNING {TASK_COLUMNS}
    """
    return await fetch_one(tx, TaskRecord, sql, id=task_id, tenant_id=tenant_id)


async def erase_task(tx: AsyncConnection, *, tenant_id: TenantId, task_id: TaskId) -> TaskRecord | None:
    """Erase what a task was given and gave back, and free its unique key; the record stays.

    One that still runs keeps its secret: its end will be told, and its receiver knows no other.
    """
    sql = f"""
    UPDATE tasks SET input = NULL, content = NULL, result = NULL, progress = NULL, unique_key = NULL,
        sealed_webhook_secret = CASE WHEN lease_until IS NOT NULL THEN sealed_webhook_secret END,
        erased_at = coalesce(erased_at, now())
    WHERE id = :id AND tenant_id = :tenant_id RETURNING {TASK_COLUMNS}
    """
    return await fetch_one(tx, TaskRecord, sql, id=task_id, tenant_id=tenant_id)


async def erase_markers(tx: AsyncConnection, *, tenant_id: TenantId, task_id: TaskId) -> None:
    """Erase what the side effects of an erased task gave back, by the primary key.

    A statement after `erase_task`: it sees what was noted while that one waited, and no more is noted then.
    """
    sql = "DELETE FROM task_markers WHERE task_id = :id AND tenant_id = :tenant_id"
    await execute(tx, sql, id=task_id, tenant_id=tenant_id)


@dataclass(frozen=True, slots=True)
class Content:
    """A file that came with a task."""

    content: bytes | None


async def read_content(tx: AsyncConnection, *, task_id: UUID) -> bytes | None:
    """Return the file that came with a task."""
    found = await fetch_one(tx, Content, "SELECT content FROM tasks WHERE id = :id", id=task_id)
    return None if found is None else found.content


async def read_sealed_secret(tx: AsyncConnection, *, task_id: TaskId) -> bytes | None:
    """Return a task's own signing secret, in the tenant's role."""
    found = await fetch_one(tx, Sealed, "SELECT sealed_webhook_secret FROM tasks WHERE id = :id", id=task_id)
    return None if found is None else found.sealed_webhook_secret
