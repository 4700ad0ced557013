"""The statements of a task's life, all in the engine's role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.journal.queries import TASK_COLUMNS
from core.journal.tasks import TaskRecord
from core.model.ids import TaskId
from core.model.states import TaskStatus
from core.model.tables import STORED_RESULT_LIMIT

_LEASE: Final = "now() + make_interval(secs => :lease)"


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a task ended: with a result (JSON), or with an error's code and safe sentences."""

    status: TaskStatus
    result: bytes | None = None
    error_code: str | None = None
    error_title: str | None = None
    error_detail: str | None = None


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run whose lease has run out."""

    id: TaskId
    run: int
    lost_count: int


async def start_run(tx: AsyncConnection, *, task_id: UUID, leased_by: str, lease: int) -> TaskRecord | None:
    """Take a task that waits and is due, and count the run; `None` if there is nothing to do."""
    sql = f"""
    UPDATE tasks SET status = 'STARTED', run = run + 1, due_at = NULL, published_until = NULL,
        lease_until = {_LEASE}, leased_by = :leased_by, started_at = coalesce(started_at, now())
    WHERE id = :id AND due_at <= now() RETURNING {TASK_COLUMNS}
    """
    return await fetch_one(tx, TaskRecord, sql, id=task_id, leased_by=leased_by, lease=lease)


async def push_leases(tx: AsyncConnection, *, task_ids: Sequence[UUID], leased_by: str, lease: int) -> int:
    """Push the leases of what runs in this worker; a lease that has run out already is not revived."""
    sql = f"""
    UPDATE tasks SET lease_until = {_LEASE}
    WHERE id = ANY(CAST(:ids AS UUID[])) AND leased_by = :leased_by AND lease_until > now()
    """
    return await execute(tx, sql, ids=list(task_ids), leased_by=leased_by, lease=lease)


async def end_leases(tx: AsyncConnection, *, task_ids: Sequence[UUID], leased_by: str) -> int:
    """Let go of runs whose process is dead, so that the feeder takes them up at its next turn."""
    sql = """
    UPDATE tasks SET lease_until = now()
    WHERE id = ANY(CAST(:ids AS UUID[])) AND leased_by = :leased_by AND lease_until > now()
    """
    return await execute(tx, sql, ids=list(task_ids), leased_by=leased_by)


async def end_run(tx: AsyncConnection, *, task_id: TaskId, run: int, end: TaskEnd) -> TaskRecord | None:
    """Write the last state, only for the run that holds the task; `None` if another does."""
    sql = f"""
    UPDATE tasks SET status = :status, result = :result, result_size = :result_size, error_code = :error_code,
        error_title = :error_title, error_detail = :error_detail, due_at = NULL, published_until = NULL,
        lease_until = NULL, leased_by = NULL, finished_at = now(),
        lost_count = lost_count + CASE WHEN :error_code = 'worker_lost' THEN 1 ELSE 0 END
    WHERE id = :id AND run = :run AND lease_until IS NOT NULL RETURNING {TASK_COLUMNS}
    """
    size = None if end.result is None else len(end.result)
    stored = end.result if size is not None and size <= STORED_RESULT_LIMIT else None
    values: dict[str, object] = {
        "id": task_id,
        "run": run,
        "status": end.status.value,
        "result": stored,
        "result_size": size,
        "error_code": end.error_code,
        "error_title": end.error_title,
        "error_detail": end.error_detail,
    }
    return await fetch_one(tx, TaskRecord, sql, **values)


async def take_lost(tx: AsyncConnection, *, limit: int) -> tuple[LostRun, ...]:
    """Lock tasks whose lease has run out, by `tasks_leased_idx`."""
    sql = """
    SELECT id, run, lost_count FROM tasks WHERE lease_until <= now()
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    """
    return await fetch_all(tx, LostRun, sql, limit=limit)


async def run_again(tx: AsyncConnection, *, task_id: UUID) -> None:
    """Make a lost task due again; the caller holds its lock."""
    sql = """
    UPDATE tasks SET status = 'RETRY', due_at = now(), lease_until = NULL, leased_by = NULL, published_until = NULL,
        lost_count = lost_count + 1 WHERE id = :id
    """
    await execute(tx, sql, id=task_id)
