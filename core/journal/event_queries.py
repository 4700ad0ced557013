"""The statements that read events; each carries the tenant itself, so that either role may run it.

An owner sees the events that came to its endpoints. Its list goes by those deliveries, each event at the place of the
first of them: through the policy, which asks for each event of the tenant, it would read all that others have.
```
the owner's deliveries, newest first ──► those that are the first of their event ──► the events
```
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.journal import look_queries
from core.journal.events import EventFilter, EventRecord
from core.journal.look_queries import Found, Look, in_room, page_of, read_end, was_cut
from core.model.ids import EventId, TenantId

# An owner knows of the deliveries that it may see, by `deliveries_event_id_idx`, and of no others.
EVENT_COLUMNS: Final = (
    "id, tenant_id, client_id, type, timestamp, substring(body FROM data_offset + 1 FOR data_length) AS data,"
    " ordering_key, attributes, created_at, erased_at,"
    " CASE WHEN ringback_key_owner() IS NULL THEN events.deliveries"
    " ELSE (SELECT count(*) FROM deliveries v WHERE v.event_id = events.id)::INTEGER END AS deliveries"
)

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

# Of an owner's deliveries: those of an event that was made later are no earlier, and carry its type and ordering key.
_OWN_WITHIN: Final = {
    "created_after": "d.id >= ringback_floor(CAST(:created_after AS TIMESTAMPTZ) - INTERVAL '1 min')",
}
_OWN_TESTS: Final = {
    "type": "d.event_type = :type",
    "ordering_key": "d.ordering_key = :ordering_key",
    "created_after": "d.event_id >= ringback_floor(CAST(:created_after AS TIMESTAMPTZ) - INTERVAL '1 min')",
    "created_before": "d.event_id <= ringback_floor(CAST(:created_before AS TIMESTAMPTZ) + INTERVAL '1 min')",
}
_EXACT: Final = ("created_after", "created_before")
_FIRST_LOOK: Final = 4
"""Times as many deliveries as a page holds events are looked at first: some are of one event."""
# How many are looked at of an endpoint is hidden from the planner: where it expects fewer it would read and sort all.
# OFFSET 0: each of the few that fit asks by an index; what is found is the owner's, by the policy on deliveries.
_FIRSTS: Final = """
WITH looked AS MATERIALIZED (
    SELECT d.* FROM endpoints o CROSS JOIN LATERAL (
        SELECT d.id, d.event_id, d.event_type, d.ordering_key FROM deliveries d
        WHERE {} ORDER BY d.id DESC LIMIT (SELECT CAST(:look AS BIGINT))) d
    WHERE o.tenant_id = :tenant_id AND o.owner = ringback_key_owner() ORDER BY d.id DESC LIMIT :look
)
(SELECT d.id, d.event_id FROM looked d WHERE {} ORDER BY d.id DESC LIMIT :limit)
UNION ALL (SELECT id, NULL FROM looked ORDER BY id DESC OFFSET :look - 1 LIMIT 1)
"""
_IS_FIRST: Final = "NOT EXISTS (SELECT FROM deliveries x WHERE x.event_id = d.event_id AND x.id < d.id OFFSET 0)"


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
    tx: AsyncConnection, *, tenant_id: TenantId, wanted: EventFilter, before: UUID | None, limit: int
) -> tuple[EventRecord, ...]:
    """List events, newest first, by `events_tenant_id_id_idx`, or by `events_client_id_idx` for a client's ID.

    A type or an ordering key is looked for in the first `LOOK_BACK` of them, and there are no more once their data come
    to `ROOM` bytes; `look_events` tells where to go on.
    """
    look = _look_for(tenant_id, wanted, before)
    sql = f"SELECT {EVENT_COLUMNS} FROM ({in_room(page_of(look), _SIZE)}) events ORDER BY id DESC"
    return await fetch_all(tx, EventRecord, sql, limit=limit, **look.values)


async def look_events(
    tx: AsyncConnection,
    *,
    tenant_id: TenantId,
    wanted: EventFilter,
    before: UUID | None,
    limit: int,
    of_owner: bool = False,
) -> Found[EventRecord]:
    """List events as `list_events` does; if there are fewer than `limit`, say whether it looked at all.

    With `of_owner`, in a transaction that has an owner: by its deliveries, whose IDs `before` and `beyond` are then;
    always fewer than `limit`. Those with a client's ID are few, and found by that.
    """
    if of_owner and wanted.client_id is None:
        return await _look_own(tx, tenant_id, wanted, before, limit - 1)
    rows = await list_events(tx, tenant_id=tenant_id, wanted=wanted, before=before, limit=limit)
    if was_cut(rows, limit, _size):
        return Found(rows, rows[-1].id)
    look = _look_for(tenant_id, wanted, before)
    if len(rows) == limit or not look.tests:
        return Found(rows)
    return Found(rows, await read_end(tx, look=look, last=rows[-1].id if rows else None))


def _size(event: EventRecord) -> int:
    return len(event.data or b"")


@dataclass(frozen=True, slots=True)
class First:
    """The first delivery of an event to an owner; without an event, the last one that was looked at."""

    id: UUID
    event_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Count:
    endpoints: int


async def _look_own(
    tx: AsyncConnection, tenant_id: TenantId, wanted: EventFilter, before: UUID | None, limit: int
) -> Found[EventRecord]:
    endpoints = await _count_own_endpoints(tx, tenant_id)
    left = max(limit, look_queries.LOOK_BACK // max(1, endpoints))  # of each endpoint
    look, end = min(_FIRST_LOOK * limit, left), before
    found: list[First] = []
    while look:
        firsts = await list_firsts(tx, tenant_id=tenant_id, wanted=wanted, before=end, look=look, limit=limit + 1)
        found += [one for one in firsts if one.event_id is not None]
        end = firsts[-1].id if firsts and firsts[-1].event_id is None else None
        left -= look
        look = left if end is not None and len(found) <= limit else 0
    if len(found) > limit:
        found, end = found[:limit], found[limit - 1].id
    rows = await read_firsts(tx, tenant_id=tenant_id, wanted=wanted, firsts=found)
    if was_cut(rows, len(found), _size):
        end = next(one.id for one in found if one.event_id == rows[-1].id)
    return Found(rows, end)


async def _count_own_endpoints(tx: AsyncConnection, tenant_id: TenantId) -> int:
    sql = """
    SELECT count(*) AS endpoints FROM endpoints WHERE tenant_id = :tenant_id AND owner = ringback_key_owner()
    """
    counted = await fetch_one(tx, _Count, sql, tenant_id=tenant_id)
    return 0 if counted is None else counted.endpoints


async def list_firsts(
    tx: AsyncConnection, *, tenant_id: TenantId, wanted: EventFilter, before: UUID | None, look: int, limit: int
) -> tuple[First, ...]:
    """List the first deliveries of an owner's events, newest first, among its next `look` deliveries.

    By its endpoints (`endpoints_tenant_id_owner_id_idx`), of each the first ones (`deliveries_endpoint_id_id_idx`), and
    of these events their other deliveries (`deliveries_event_id_idx`). At the end stands the last one that was looked
    at, unless these were all.
    """
    given: dict[str, object] = {name: value for name in _OWN_TESTS if (value := getattr(wanted, name)) is not None}
    within = ["d.endpoint_id = o.id", *(_OWN_WITHIN[name] for name in given if name in _OWN_WITHIN)]
    tests = [*(_OWN_TESTS[name] for name in given), _IS_FIRST]
    if before is not None:
        within.append("d.id < :before")
        given["before"] = before
    sql = _FIRSTS.format(" AND ".join(within), " AND ".join(tests))
    return await fetch_all(tx, First, sql, tenant_id=tenant_id, look=look, limit=limit, **given)


async def read_firsts(
    tx: AsyncConnection, *, tenant_id: TenantId, wanted: EventFilter, firsts: Sequence[First]
) -> tuple[EventRecord, ...]:
    """Look up the events of these deliveries, in their order, by their IDs, until their data come to `ROOM` bytes."""
    given = {name: value for name in _EXACT if (value := getattr(wanted, name)) is not None}
    tests = ["d.tenant_id = :tenant_id", *(_TESTS[name] for name in given)]
    page = f"""
    SELECT d.*, w.place FROM unnest(CAST(:ids AS UUID[])) WITH ORDINALITY w(event_id, place)
    JOIN events d ON d.id = w.event_id WHERE {" AND ".join(tests)}
    """
    sql = f"SELECT {EVENT_COLUMNS} FROM ({in_room(page, _SIZE, order='place')}) events ORDER BY place"
    return await fetch_all(tx, EventRecord, sql, ids=[one.event_id for one in firsts], tenant_id=tenant_id, **given)


def _look_for(tenant_id: TenantId, wanted: EventFilter, before: UUID | None) -> Look:
    given: dict[str, object] = {
        name: value for name in _WITHIN | _TESTS if (value := getattr(wanted, name)) is not None
    }
    within = ["d.tenant_id = :tenant_id", *(_WITHIN[name] for name in given if name in _WITHIN)]
    if before is not None:
        within.append("d.id < :before")
        given["before"] = before
    tests = [_TESTS[name] for name in given if name in _TESTS]
    return Look("events", within, tests, {**given, "tenant_id": tenant_id})
