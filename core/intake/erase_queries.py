"""The statements that erase payloads, in the engine's role: each carries the tenant itself."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all
from core.model.ids import EventId, TaskId, TenantId


async def erase_payloads(
    tx: AsyncConnection, *, tenant_id: TenantId, event_id: EventId | None = None, task_id: TaskId | None = None
) -> None:
    """Erase the payload of an event, or of all events of a task, wherever it lies, and cancel what waits of it.

    By the primary key or `events_task_id_idx`, then by `deliveries_event_id_idx`. Response bodies go too: receivers may
    echo what they got. What is on the wire ends and is recorded without one. Deliveries are locked in the order of
    their IDs, as those who record do it; the attempts that these have written meanwhile are seen by the last statement.
    """
    which = "task_id = :task_id" if event_id is None else "id = :event_id"
    given: dict[str, object] = {"task_id": task_id} if event_id is None else {"event_id": event_id}
    sql = f"""
    UPDATE events SET body = CASE WHEN erased_at IS NOT NULL THEN body END, erased_at = coalesce(erased_at, now())
    WHERE {which} AND tenant_id = :tenant_id RETURNING id
    """
    erased = await fetch_all(tx, dict[str, UUID], sql, tenant_id=tenant_id, **given)
    values: dict[str, object] = {"events": [row["id"] for row in erased], "tenant_id": tenant_id}
    await execute(tx, _CANCEL, **values)
    await execute(tx, _FORGET, **values)


_CANCEL = """
WITH held AS (
    SELECT id, due_at IS NOT NULL AND lease_until IS NULL AS waits FROM deliveries
    WHERE event_id = ANY(CAST(:events AS UUID[])) AND tenant_id = :tenant_id ORDER BY id FOR UPDATE
)
UPDATE deliveries d SET payload_erased = true,
    due_at = CASE WHEN NOT h.waits THEN d.due_at END,
    published_until = CASE WHEN NOT h.waits THEN d.published_until END,
    wait_reason = CASE WHEN NOT h.waits THEN d.wait_reason END,
    finished_at = CASE WHEN h.waits THEN coalesce(d.finished_at, now()) ELSE d.finished_at END,
    status = CASE WHEN NOT h.waits THEN d.status WHEN d.succeeded_at IS NULL THEN 'cancelled' ELSE 'succeeded' END,
    reason = CASE WHEN NOT h.waits THEN d.reason WHEN d.succeeded_at IS NULL THEN 'payload_erased' END
FROM held h WHERE d.id = h.id
"""
_FORGET = """
UPDATE attempts a SET response_body = NULL FROM deliveries d
WHERE d.event_id = ANY(CAST(:events AS UUID[])) AND d.tenant_id = :tenant_id AND a.delivery_id = d.id
    AND a.response_body IS NOT NULL
"""
