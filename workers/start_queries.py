"""The start of a run: mostly one statement, and under a lock for a tenant that may run only so many tasks at once."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import AnyConnection, execute, fetch_one
from core.intake.queries import RUNNING
from core.intake.telling import EVENTS
from core.journal.queries import TASK_COLUMNS
from core.journal.tasks import TaskRecord
from core.model.matching import subscriptions_of
from core.model.parts import HANDED_OVER, PARTS_AHEAD, PARTS_RUN
from core.model.states import TaskStatus

# The statement's time, not the transaction's: that one may have waited for its turn.
_START: Final = """
UPDATE tasks t SET status = 'STARTED', run = run + 1, due_at = NULL, published_until = NULL,
    lease_until = statement_timestamp() + make_interval(secs => :lease), leased_by = :leased_by,
    started_at = coalesce(started_at, statement_timestamp())
WHERE id = :id AND due_at <= now() AND (expires_at IS NULL OR expires_at > now() OR started_at IS NOT NULL)
"""
# Of the leases, as few as there are runs: tenants and types that have many parts in line. The range has both ends, so
# that a table of which Postgres knows nothing yet is read by the index, too.
CROWDED: Final = f"""
SELECT p.tenant_id, p.type FROM tasks p
WHERE p.lease_until BETWEEN now() AND now() + INTERVAL '1 year' AND p.leased_by IN ('{HANDED_OVER}', '{PARTS_RUN}')
GROUP BY p.tenant_id, p.type HAVING sum(p.parts_waiting) >= {PARTS_AHEAD}
"""
_LIVES: Final = "AND EXISTS (SELECT FROM tenants n WHERE n.id = t.tenant_id AND n.deleted_at IS NULL"
_UNLIMITED: Final = f"{_LIVES} AND n.running_tasks IS NULL)"


async def start_untold(tx: AnyConnection, *, task_id: UUID, leased_by: str, lease: int) -> TaskRecord | None:
    """Do as `start_run`, unless an endpoint wants to hear of starts (`endpoints_tenant_id_id_idx`)."""
    sql = f"""
    {_START} {_UNLIMITED} AND NOT EXISTS (
        SELECT FROM endpoints e WHERE e.tenant_id = t.tenant_id AND e.deleted_at IS NULL
            AND (cardinality(e.event_types) = 0 OR e.event_types && CAST(:patterns AS TEXT[])))
    RETURNING {TASK_COLUMNS}
    """
    patterns = list(subscriptions_of(EVENTS[TaskStatus.STARTED]))
    return await fetch_one(tx, TaskRecord, sql, id=task_id, leased_by=leased_by, lease=lease, patterns=patterns)


async def start_run(tx: AsyncConnection, *, task_id: UUID, leased_by: str, lease: int) -> TaskRecord | None:
    """Take a task that waits and is due, and count the run.

    `None` if there is nothing to do, or its tenant may run only so many tasks at once.
    """
    sql = f"{_START} {_UNLIMITED} RETURNING {TASK_COLUMNS}"
    return await fetch_one(tx, TaskRecord, sql, id=task_id, leased_by=leased_by, lease=lease)


async def hold_starts(tx: AsyncConnection, *, task_id: UUID) -> bool:
    """Hold back the other starts of a tenant with a limit until the commit; false if its task is not one to start.

    A statement of its own: what is counted after it has to see what was committed while it waited. It waits longer
    than other locks are waited for, because many may stand in line, each for a few milliseconds.
    """
    sql = """
    SELECT CAST(pg_advisory_xact_lock(hashtextextended(CAST(t.tenant_id AS TEXT), 2)) AS TEXT) AS held
    FROM (SELECT set_config('lock_timeout', '10s', true) AS patience OFFSET 0) s, tasks t
    JOIN tenants n ON n.id = t.tenant_id
    WHERE t.id = :id AND t.due_at <= now() AND n.running_tasks IS NOT NULL AND s.patience IS NOT NULL
    """
    return await fetch_one(tx, dict[str, str], sql, id=task_id) is not None


async def start_in_turn(tx: AsyncConnection, *, task_id: UUID, leased_by: str, lease: int) -> TaskRecord | None:
    """Do as `start_run`, if the tenant has room for one more (`tasks_leased_idx`); the caller holds its starts."""
    sql = f"""
    WITH {RUNNING} {_START} {_LIVES}) AND coalesce(
        (SELECT count(*) FROM running r WHERE r.tenant_id = t.tenant_id)
            < (SELECT n.running_tasks FROM tenants n WHERE n.id = t.tenant_id), true)
    RETURNING {TASK_COLUMNS}
    """
    return await fetch_one(tx, TaskRecord, sql, id=task_id, leased_by=leased_by, lease=lease)


async def leave_waiting(tx: AsyncConnection, *, task_id: UUID) -> None:
    """Say that a task which may not start yet stands in no window any more, so that the feeder brings it in turn."""
    sql = "UPDATE tasks SET published_until = NULL WHERE id = :id AND due_at IS NOT NULL"
    await execute(tx, sql, id=task_id)


async def leave_crowded(tx: AsyncConnection, *, task_id: UUID) -> bool:
    """Do as `leave_waiting` for a task of a type in parts of which its tenant has too many in line; false if not so.

    What is in parts is counted by `tasks_leased_idx`.
    """
    sql = f"""
    UPDATE tasks SET published_until = NULL WHERE id = :id AND due_at IS NOT NULL AND (tenant_id, type) IN ({CROWDED})
    """
    return await execute(tx, sql, id=task_id) == 1
