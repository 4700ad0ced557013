"""The statements that read events; each carries the tenant itself, so that either role may run it."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.journal.events import EventFilter, EventRecord
from core.journal.look_queries import Found, Look, page_of, read_end
from core.model.ids import EventId, TenantId

# An owner knows of the deliveries that it may see, by `deliveries_event_id_idx`, and of no others.
EVENT_COLUMNS: Final = (
    "id, tenant_id, client_id, type, timestamp, substring(body FROM data_offset + 1 FOR data_length) AS data,"
    " ordering_key, attributes, created_at, erased_at,"
    " CASE WHEN ringback_key_owner() IS NULL THEN events.deliveries"
    " ELSE (SELECT count(*) FROM deliveries v WHERE v.event_id = events.id)::INTEGER END AS deliveries"
)

ROOM: Final = 8 * 1024 * 1024
"""Bytes of data from which on a page ends: it is written out in one turn of the loop."""
_SIZE: Final = "CASE WHEN p.body IS NULL THEN 0 ELSE p.data_length END"

# The ID bounds what is read: its time is that of its making, a group's wait away from `created_at`.
_WITHIN: Final = {
    "client_id": "d.client_id = :client_id",
    "created_after": "d.id >= ringback_floor(CAST(:created_after AS TIMESTAMPTZ) - INTERVAL '1 min')",
    "created_before": "d.id <= ringback_floor(CAST(:created_before AS TIMESTAMPTZ) + INTERVAL '1 min')",
}
_TESTS: Final = {
    "type": "d.type = :type",
    "ordering_key": "d.ordering_key = :ordering_key",
    "created_after": "d.created_at > :created_after",
    "created_before": "d.created_at < :created_before",
}


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
    """List events, newest first, by `events_tenant_id_id_idx`, or by `events_client_id_idx` for a client's ID.

    A type or an ordering key is looked for in the first `LOOK_BACK` of them, and there are no more once their data come
    to `ROOM` bytes; `look_events` tells where to go on.
    """
    look = _look_for(tenant_id, wanted, before)
    sql = f"""
    SELECT {EVENT_COLUMNS} FROM (
        SELECT p.*, sum({_SIZE}) OVER (ORDER BY p.id DESC) - {_SIZE} AS above FROM ({page_of(look)}) p) events
    WHERE above < :room ORDER BY id DESC
    """
    return await fetch_all(tx, EventRecord, sql, limit=limit, room=ROOM, **look.values)


async def look_events(
    tx: AsyncConnection, *, tenant_id: TenantId, wanted: EventFilter, before: EventId | None, limit: int
) -> Found[EventRecord]:
    """List events as `list_events` does; if there are fewer than `limit`, say whether it looked at all."""
    rows = await list_events(tx, tenant_id=tenant_id, wanted=wanted, before=before, limit=limit)
    if len(rows) < limit and sum(len(row.data or b"") for row in rows) >= ROOM:
        return Found(rows, rows[-1].id)
    look = _look_for(tenant_id, wanted, before)
    if len(rows) == limit or not look.tests:
        return Found(rows)
    return Found(rows, await read_end(tx, look=look, last=rows[-1].id if rows else None))


def _look_for(tenant_id: TenantId, wanted: EventFilter, before: EventId | None) -> Look:
    given: dict[str, object] = {
        name: value for name in _WITHIN | _TESTS if (value := getattr(wanted, name)) is not None
    }
    within = ["d.tenant_id = :tenant_id", *(_WITHIN[name] for name in given if name in _WITHIN)]
    if before is not None:
        within.append("d.id < :before")
        given["before"] = before
    tests = [_TESTS[name] for name in given if name in _TESTS]
    return Look("events", within, tests, {**given, "tenant_id": tenant_id})
