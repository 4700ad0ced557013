"""The statements that read events; each carries the tenant itself, so that either role may run it."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.journal.events import EventFilter, EventRecord
from core.model.ids import EventId, TenantId

EVENT_COLUMNS: Final = (
    "id, tenant_id, client_id, type, timestamp, substring(body FROM data_offset + 1 FOR data_length) AS data,"
    " ordering_key, attributes, deliveries, created_at, erased_at"
)


async def read_event(tx: AsyncConnection, *, tenant_id: TenantId, event_id: EventId) -> EventRecord | None:
    """Look up one event by its primary key, in the one partition that its ID names."""
    sql = f"SELECT {EVENT_COLUMNS} FROM events WHERE id = :id AND tenant_id = :tenant_id"
    return await fetch_one(tx, EventRecord, sql, id=event_id, tenant_id=tenant_id)


async def read_events(
    tx: AsyncConnection, *, tenant_id: TenantId, event_ids: Sequence[UUID]
) -> dict[EventId, EventRecord]:
    """Look up events by their primary key."""
    sql = f"SELECT {EVENT_COLUMNS} FROM events WHERE id = ANY(CAST(:ids AS UUID[])) AND tenant_id = :tenant_id"
    found = await fetch_all(tx, EventRecord, sql, ids=list(event_ids), tenant_id=tenant_id)
    return {event.id: event for event in found}


async def list_events(
    tx: AsyncConnection, *, tenant_id: TenantId, wanted: EventFilter, before: EventId | None, limit: int
) -> tuple[EventRecord, ...]:
    """List events, newest first, by `events_tenant_id_id_idx`, or by `events_client_id_idx` for a client's ID."""
    tests = {
        "type": "type = :type",
        "client_id": "client_id = :client_id",
        "ordering_key": "ordering_key = :ordering_key",
        # The ID bounds what is read: its time is that of its making, a group's wait away from `created_at`.
        "created_after": "id >= ringback_floor(CAST(:created_after AS TIMESTAMPTZ) - INTERVAL '1 min')"
        " AND created_at > :created_after",
        "created_before": "id <= ringback_floor(CAST(:created_before AS TIMESTAMPTZ) + INTERVAL '1 min')"
        " AND created_at < :created_before",
    }
    values: dict[str, object] = {name: value for name in tests if (value := getattr(wanted, name)) is not None}
    conditions = ["tenant_id = :tenant_id", *(tests[name] for name in values)]
    if before is not None:
        conditions.append("id < :before")
        values["before"] = before
    sql = f"SELECT {EVENT_COLUMNS} FROM events WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit"
    return await fetch_all(tx, EventRecord, sql, limit=limit, tenant_id=tenant_id, **values)
