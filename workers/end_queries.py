"""The usual end of a run in one statement: its state, its event and its deliveries, by the engine's role."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.database import AnyConnection, fetch_all
from core.intake.event_queries import ACCEPT, FAN_OUT, GIVEN, MATCH, Line, accept_values
from core.journal.tasks import TaskRecord
from core.model.queued import Queued

# The event is made beforehand of what the start returned. So whatever may have changed since then is asked for: the
# run still holds the task, nothing of it was erased, and no filter has changed. Otherwise nothing is written, and the
# caller goes the long way.
_END: Final = f"""
WITH given AS ({GIVEN}), {MATCH}, ended AS (
    UPDATE tasks SET status = :status, result = :result, result_size = :result_size,
        error_code = :error_code, error_title = :error_title, error_detail = :error_detail,
        due_at = NULL, published_until = NULL, lease_until = NULL, leased_by = NULL, finished_at = :finished_at
    WHERE id = :id AND run = :run AND lease_until IS NOT NULL AND erased_at IS NULL
        AND NOT EXISTS (SELECT FROM stale) RETURNING id
), taking AS (
    SELECT * FROM given WHERE EXISTS (SELECT FROM ended)
), {FAN_OUT}, {ACCEPT}
SELECT made.id AS delivery_id, made.lane, made.tenant_id FROM ended LEFT JOIN made ON made.published_until IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class _Ended:
    delivery_id: UUID | None
    lane: UUID | None
    tenant_id: UUID | None


async def end_and_tell(tx: AnyConnection, *, task: TaskRecord, line: Line, publish: bool) -> tuple[Queued, ...] | None:
    """Write how a run ended, as `task` says, and what there is to tell, `line`; `None` if it has to go the long way.

    Returns what is due, to publish after the commit.
    """
    values = accept_values([line], publish=publish, whole=True) | {
        "id": task.id,
        "run": task.run,
        "status": task.status,
        "result": task.result,
        "result_size": task.result_size,
        "error_code": task.error_code,
        "error_title": task.error_title,
        "error_detail": task.error_detail,
        "finished_at": task.finished_at,
    }
    rows = await fetch_all(tx, _Ended, _END, **values)
    if not rows:
        return None
    return tuple(
        Queued(row.delivery_id, row.lane, row.tenant_id)
        for row in rows
        if row.delivery_id is not None and row.lane is not None and row.tenant_id is not None
    )
