"""The statements of a task's life after its start, all in the engine's role."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.journal.queries import TASK_COLUMNS
from core.journal.tasks import TaskRecord
from core.model.endings import EXPIRED, TaskAgain, TaskEnd
from core.model.ids import TaskId
from core.model.parts import HANDED_OVER, PARTS_RUN
from core.model.tables import STORED_RESULT_LIMIT

LEAST_WAIT: Final = 0.5
MOST_WAIT: Final = 10.0
"""Seconds, and a fifth of jitter, that a task waits which a worker of another version has given back."""
LOST_AGAIN: Final = 10
"""Seconds that a task waits which was lost twice."""
_LEASE: Final = "now() + make_interval(secs => :lease)"
_EXPIRED: Final = "expires_at <= now() AND expires_at IS NOT NULL AND due_at IS NOT NULL AND started_at IS NULL"
_OWN: Final = """
    SELECT id FROM tasks WHERE id = ANY(CAST(:ids AS UUID[])) AND leased_by = :leased_by AND lease_until > now()
"""


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run whose lease has run out; `idle` if it was handed over to parts, and none of them ran."""

    id: TaskId
    run: int
    lost_count: int
    cancel_asked: bool
    idle: bool


@dataclass(frozen=True, slots=True)
class Pushed:
    """A lease that was pushed; `overdue` if the task was asked to end a second ago and goes on."""

    id: UUID
    run: int
    overdue: bool


async def push_leases(
    tx: AsyncConnection, *, task_ids: Sequence[UUID], leased_by: str, lease: int
) -> tuple[Pushed, ...]:
    """Push the leases of what runs in this worker; a lease that has run out already is not revived.

    Whoever holds one of the rows ends that task, or changes it: the others are pushed without it.
    """
    sql = f"""
    UPDATE tasks SET lease_until = {_LEASE} WHERE id IN ({_OWN} FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id, run, coalesce(cancel_asked_at < now() - INTERVAL '1 second', false) AS overdue
    """
    return await fetch_all(tx, Pushed, sql, ids=list(task_ids), leased_by=leased_by, lease=lease)


async def end_leases(tx: AsyncConnection, *, task_ids: Sequence[UUID], leased_by: str) -> set[UUID]:
    """Let go of runs whose process is dead, so that the feeder takes them up at its next turn.

    Returns those whose row somebody holds: they are still leased.
    """
    sql = f"""
    WITH free AS ({_OWN} FOR NO KEY UPDATE SKIP LOCKED),
    ended AS (UPDATE tasks SET lease_until = now() WHERE id IN (SELECT id FROM free))
    {_OWN} AND id NOT IN (SELECT id FROM free)
    """
    found = await fetch_all(tx, dict[str, UUID], sql, ids=list(task_ids), leased_by=leased_by)
    return {one["id"] for one in found}


async def read_attempt(tx: AsyncConnection, *, task_id: UUID, run: int) -> int | None:
    """Return which attempt a run is; `None` if it does not hold its task any more."""
    sql = "SELECT run - lost_count AS attempt FROM tasks WHERE id = :id AND run = :run AND lease_until IS NOT NULL"
    found = await fetch_one(tx, dict[str, int], sql, id=task_id, run=run)
    return None if found is None else found["attempt"]


async def end_run(tx: AsyncConnection, *, task_id: TaskId, run: int, end: TaskEnd) -> TaskRecord | None:
    """Write the last state, only for the run that holds the task; `None` if another does."""
    sql = f"""
    UPDATE tasks SET status = :status,
        result_size = CASE WHEN erased_at IS NULL THEN CAST(:result_size AS INTEGER) END,
        result = CASE WHEN erased_at IS NULL THEN CAST(:result AS BYTEA) END,
        progress = CASE WHEN erased_at IS NULL THEN coalesce(CAST(:progress AS JSONB), progress) END,
        error_code = :error_code, error_title = :error_title, error_detail = :error_detail,
        due_at = NULL, published_until = NULL, lease_until = NULL, leased_by = NULL, finished_at = now(),
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
        "progress": _json(end.progress),
    }
    return await fetch_one(tx, TaskRecord, sql, **values)


async def has_result(tx: AsyncConnection, *, task_id: UUID, run: int) -> bool:
    """Tell whether a run has ended its task with a result that is kept."""
    sql = """
    SELECT EXISTS (SELECT FROM tasks WHERE id = :id AND run = :run AND status = 'SUCCESS'
                   AND result_size IS NOT NULL AND erased_at IS NULL) AS there
    """
    found = await fetch_one(tx, dict[str, bool], sql, id=task_id, run=run)
    return found is not None and found["there"]


async def run_later(tx: AsyncConnection, *, task_id: TaskId, run: int, again: TaskAgain) -> TaskRecord | None:
    """Make a failed run's task due again later, only for the run that holds it; `None` if another does."""
    sql = f"""
    UPDATE tasks SET status = 'RETRY', due_at = now() + make_interval(secs => :delay), published_until = NULL,
        lease_until = NULL, leased_by = NULL, progress = coalesce(CAST(:progress AS JSONB), progress)
    WHERE id = :id AND run = :run AND lease_until IS NOT NULL AND cancel_asked_at IS NULL RETURNING {TASK_COLUMNS}
    """
    values: dict[str, object] = {"delay": again.delay, "progress": _json(again.progress)}
    return await fetch_one(tx, TaskRecord, sql, id=task_id, run=run, **values)


async def give_back(tx: AsyncConnection, *, task_id: UUID, run: int, leased_by: str) -> bool:
    """Let a run's task wait for another worker, the run uncounted; false if it is another's, or is to end.

    It waits an eighth of the time since its first start, between the least and the most, and half more or less: which
    worker gets it is chance, and two tasks that are each the other's must not keep in step.
    The number may be used again: whoever gives a run back does nothing for it afterwards.
    """
    sql = """
    UPDATE tasks SET status = 'RETRY', run = run - 1, published_until = NULL, lease_until = NULL, leased_by = NULL,
        due_at = now() + (0.5 + random()) * make_interval(secs => greatest(
            :least, least(:most, CAST(extract(EPOCH FROM now() - started_at) AS FLOAT8) / 8)))
    WHERE id = :id AND run = :run AND leased_by = :leased_by AND lease_until IS NOT NULL AND cancel_asked_at IS NULL
    """
    values: dict[str, object] = {"least": LEAST_WAIT, "most": MOST_WAIT}
    return await execute(tx, sql, id=task_id, run=run, leased_by=leased_by, **values) == 1


async def holds_cancelled(tx: AsyncConnection, *, task_id: UUID, run: int, leased_by: str) -> bool:
    """Tell whether this worker holds the run, and was asked to end it."""
    sql = """
    SELECT EXISTS (SELECT FROM tasks WHERE id = :id AND run = :run AND leased_by = :leased_by
                   AND lease_until IS NOT NULL AND cancel_asked_at IS NOT NULL) AS asked
    """
    found = await fetch_one(tx, dict[str, bool], sql, id=task_id, run=run, leased_by=leased_by)
    return found is not None and found["asked"]


async def show_progress(tx: AsyncConnection, *, task_id: UUID, run: int) -> None:
    """Say that a run has shown progress; called once a run."""
    sql = "UPDATE tasks SET status = 'PROGRESS' WHERE id = :id AND run = :run AND status = 'STARTED'"
    await execute(tx, sql, id=task_id, run=run)


async def cancel_was_asked(tx: AsyncConnection, *, task_id: UUID, run: int) -> bool:
    """Ask whether the task is to end, or is another run's by now."""
    sql = """
    SELECT NOT EXISTS (SELECT FROM tasks WHERE id = :id AND run = :run AND lease_until IS NOT NULL
                       AND cancel_asked_at IS NULL) AS asked
    """
    found = await fetch_one(tx, dict[str, bool], sql, id=task_id, run=run)
    return found is not None and found["asked"]


async def read_marker(tx: AsyncConnection, *, task_id: UUID, name: str) -> bytes | None:
    """Return what a side effect gave back, by the primary key."""
    sql = "SELECT value FROM task_markers WHERE task_id = :id AND name = :name"
    found = await fetch_one(tx, dict[str, bytes], sql, id=task_id, name=name)
    return None if found is None else found["value"]


async def write_marker(tx: AsyncConnection, *, task_id: UUID, run: int, name: str, value: bytes) -> bool:
    """Note a side effect, only for the run that holds the task; false if another does, or the task was erased.

    Where the answer to this was lost, it may be asked again: a note of the same run is written once more.
    """
    sql = """
    INSERT INTO task_markers AS m (task_id, name, tenant_id, run, value)
    SELECT id, :name, tenant_id, run, :value FROM tasks
    WHERE id = :id AND run = :run AND lease_until IS NOT NULL AND erased_at IS NULL FOR SHARE
    ON CONFLICT (task_id, name) DO UPDATE SET value = excluded.value WHERE m.run = excluded.run
    """
    return await execute(tx, sql, id=task_id, run=run, name=name, value=value) == 1


def _json(value: Mapping[str, object] | None) -> str | None:
    return None if value is None else json.dumps(value)


async def take_lost(tx: AsyncConnection, *, limit: int, only: UUID | None = None) -> tuple[LostRun, ...]:
    """Lock tasks whose lease has run out, by `tasks_leased_idx`, or `only` that one."""
    sql = f"""
    SELECT id, run, lost_count, cancel_asked_at IS NOT NULL AS cancel_asked,
        coalesce(leased_by IN ('{HANDED_OVER}', '{PARTS_RUN}'), false) AND parts_running = 0 AS idle
    FROM tasks WHERE lease_until <= now()
        AND (CAST(:only AS UUID) IS NULL OR id = CAST(:only AS UUID))
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    """
    return await fetch_all(tx, LostRun, sql, limit=limit, only=only)


async def run_again(
    tx: AsyncConnection, *, task_id: UUID, lost: bool, progress: Mapping[str, object] | None = None
) -> TaskRecord | None:
    """Make a task due again whose lease has run out, and count the loss; the caller holds its lock.

    One that was lost before waits a while: the worker whose children die at each start would have it again at once.
    """
    sql = f"""
    UPDATE tasks SET status = 'RETRY', lease_until = NULL, leased_by = NULL, published_until = NULL,
        progress = coalesce(CAST(:progress AS JSONB), progress),
        due_at = now() + make_interval(secs => CAST(:lost AS INTEGER) * least(lost_count, 1) * {LOST_AGAIN}),
        lost_count = lost_count + CAST(:lost AS INTEGER) WHERE id = :id RETURNING {TASK_COLUMNS}
    """
    return await fetch_one(tx, TaskRecord, sql, id=task_id, lost=int(lost), progress=_json(progress))


async def find_expired(tx: AsyncConnection, *, limit: int) -> tuple[UUID, ...]:
    """Name tasks that waited too long for their first start, by `tasks_expiring_idx`."""
    sql = f"SELECT id FROM tasks WHERE {_EXPIRED} ORDER BY expires_at LIMIT :limit"
    return tuple(one["id"] for one in await fetch_all(tx, dict[str, UUID], sql, limit=limit))


async def take_expired(tx: AsyncConnection, *, limit: int, only: UUID | None = None) -> tuple[TaskRecord, ...]:
    """End tasks that waited too long for their first start, by `tasks_expiring_idx`, or `only` that one."""
    sql = f"""
    UPDATE tasks SET status = 'REVOKED', error_code = :code, error_title = :title, error_detail = :detail,
        due_at = NULL, published_until = NULL, finished_at = now()
    WHERE id IN (SELECT id FROM tasks WHERE {_EXPIRED} AND (CAST(:only AS UUID) IS NULL OR id = CAST(:only AS UUID))
                 ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING {TASK_COLUMNS}
    """
    values = {"code": EXPIRED.error_code, "title": EXPIRED.error_title, "detail": EXPIRED.error_detail}
    return await fetch_all(tx, TaskRecord, sql, limit=limit, only=only, **values)
