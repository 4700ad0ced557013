"""The statements of the retention, in the engine's role; each takes a batch, so that none holds anything for long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.journal.record_queries import ADD_ROLLUPS
from core.journal.retention_queries import PAST_LOCK
from core.journal.stats_queries import SUM_OF_LATENCIES, SUMS
from core.model.tables import FINE

RETENTION_LOCK: Final = 7_102_003
"""The advisory lock of whoever removes what is over."""


@dataclass(frozen=True, slots=True)
class _Locked:
    locked: bool


async def try_lock(tx: AsyncConnection, *, past: bool = False) -> bool:
    """Hold the retention until the transaction ends, with `past` what is over too; false if somebody else does."""
    sql = "SELECT pg_try_advisory_xact_lock(:lock) AS locked"
    found = await fetch_one(tx, _Locked, sql, lock=PAST_LOCK if past else RETENTION_LOCK)
    return found is not None and found.locked


# Cancelled is what waits. A mark keeps bodies of answers that are recorded later out of the log.
_EXPIRE: Final = """
    UPDATE deliveries d SET due_at = NULL, published_until = NULL, wait_reason = NULL, payload_erased = true,
        status = CASE WHEN d.succeeded_at IS NULL THEN 'cancelled' ELSE 'succeeded' END,
        reason = CASE WHEN d.succeeded_at IS NULL THEN 'expired' END, finished_at = coalesce(d.finished_at, now())
    FROM waiting w WHERE d.id = w.id
"""

# A tenant that was deleted keeps nothing; the minute is for what was being written then.
_KEPT_SINCE: Final = """
    now() - CASE WHEN t.deleted_at IS NULL THEN make_interval(days => t.retention_days) ELSE INTERVAL '1 min' END"""

# Each tenant goes on after the last event that it was emptied to. Events go together as long as their deliveries do
# not exceed the limit; one that alone has more goes alone. Arrays keep the plan from reading whole tables: it cannot
# know how few rows a batch is.
_HOLD_PAST: Final = f"""
WITH old AS (
    SELECT t.id AS tenant_id, e.id, e.deliveries FROM tenants t CROSS JOIN LATERAL (
        SELECT id, deliveries FROM events
        WHERE tenant_id = t.id AND id < ringback_floor({_KEPT_SINCE})
            AND id > coalesce(t.emptied_to, '00000000-0000-0000-0000-000000000000')
        ORDER BY id LIMIT :limit) e
    LIMIT :limit
), past AS (
    SELECT tenant_id, id FROM (
        SELECT tenant_id, id, row_number() OVER (ORDER BY tenant_id, id) AS place,
               sum(greatest(deliveries, 1)) OVER (ORDER BY tenant_id, id) AS weight FROM old) o
    WHERE weight <= :limit OR place = 1
)
SELECT id, tenant_id, (SELECT count(*) >= :limit OR count(*) > (SELECT count(*) FROM past) FROM old) AS cut
FROM events WHERE id = ANY(ARRAY(SELECT id FROM past)) ORDER BY id FOR UPDATE
"""
# `coalesce` hides from the planner that an index finds all that waits, of whatever event.
_HOLD_UNFINISHED: Final = """
SELECT id FROM deliveries
WHERE event_id = ANY(CAST(:events AS UUID[])) AND coalesce(due_at, lease_until) IS NOT NULL
ORDER BY id FOR UPDATE
"""
# What is on the wire ends and is recorded, and its claim is refused from then on.
_EMPTY: Final = f"""
WITH waiting AS (
    SELECT id FROM deliveries
    WHERE event_id = ANY(CAST(:events AS UUID[])) AND due_at IS NOT NULL AND lease_until IS NULL
), expired AS ({_EXPIRE}), flying AS (
    UPDATE deliveries d SET payload_erased = true
    WHERE d.event_id = ANY(CAST(:events AS UUID[])) AND d.lease_until IS NOT NULL
), emptied AS (
    UPDATE events e SET body = NULL, erased_at = now()
    WHERE e.id = ANY(CAST(:events AS UUID[])) AND e.erased_at IS NULL
), echoes AS (
    UPDATE attempts a SET response_body = NULL WHERE a.response_body IS NOT NULL AND a.delivery_id = ANY(ARRAY(
        SELECT d.id FROM deliveries d WHERE d.event_id = ANY(CAST(:events AS UUID[]))))
)
UPDATE tenants t SET emptied_to = l.id FROM (
    SELECT DISTINCT ON (tenant_id) tenant_id, id
    FROM unnest(CAST(:tenants AS UUID[]), CAST(:events AS UUID[])) p(tenant_id, id) ORDER BY tenant_id, id DESC) l
WHERE t.id = l.tenant_id
"""


@dataclass(frozen=True, slots=True)
class _Count:
    count: int


class PastEvent(msgspec.Struct, frozen=True, gc=False):
    """An event past its tenant's retention; `cut` if there were more of them than one turn may take."""

    id: UUID
    tenant_id: UUID
    cut: bool


async def empty_events(tx: AsyncConnection, *, limit: int) -> tuple[int, bool]:
    """Erase the payloads of events past their tenant's retention; return how many, and whether there are more.

    What waits of them ends as `expired`; response bodies go too, for receivers may echo what they got.
    """
    past = await hold_past_events(tx, limit=limit)
    if past:
        await hold_unfinished(tx, events=[one.id for one in past])
        await empty(tx, past={one.id: one.tenant_id for one in past})
    return len(past), any(one.cut for one in past)


async def hold_past_events(tx: AsyncConnection, *, limit: int) -> tuple[PastEvent, ...]:
    """Lock the next events that are past their tenant's retention, by `events_tenant_id_id_idx`, and return them.

    Whoever brings one of them back waits, and finds no payload then.
    """
    return await fetch_all(tx, PastEvent, _HOLD_PAST, limit=limit)


async def hold_unfinished(tx: AsyncConnection, *, events: Sequence[UUID]) -> None:
    """Lock what waits of these events, or is on the wire, by `deliveries_event_id_idx`, as those who record do.

    Nothing of it is claimed or recorded until the transaction ends, and its next statement sees what was before.
    """
    await execute(tx, _HOLD_UNFINISHED, events=events)


async def empty(tx: AsyncConnection, *, past: Mapping[UUID, UUID]) -> None:
    """Erase the payloads of events that are held, given with their tenants; see `empty_events`."""
    await execute(tx, _EMPTY, events=list(past), tenants=list(past.values()))


@dataclass(frozen=True, slots=True)
class Past:
    """A partition whose week lies before the longest retention; its IDs are from `first` on and below `end`."""

    name: str
    parent: str
    first: UUID
    end: UUID


async def oldest_past(tx: AsyncConnection, *, default_days: int) -> Past | None:
    """Return the oldest partition that nobody sees any more: deliveries before their attempts, events at last.

    `default_days` is the retention while there is no tenant.
    """
    sql = """
    SELECT name, parent, ringback_floor(week) AS first, ringback_floor(week + INTERVAL '7 days') AS end FROM (
        SELECT i.inhrelid::REGCLASS::TEXT AS name, i.inhparent::REGCLASS::TEXT AS parent,
               to_date(right(i.inhrelid::REGCLASS::TEXT, 8), 'YYYYMMDD')::TIMESTAMP AT TIME ZONE 'UTC' AS week
        FROM pg_inherits i
        WHERE i.inhparent IN ('deliveries'::REGCLASS, 'attempts'::REGCLASS, 'events'::REGCLASS)) p
    WHERE week + INTERVAL '7 days' <= now() - make_interval(days => coalesce(
        (SELECT max(retention_days) FROM tenants WHERE deleted_at IS NULL), :default_days))
    ORDER BY week, array_position(ARRAY['deliveries', 'attempts', 'events'], parent) LIMIT 1
    """
    return await fetch_one(tx, Past, sql, default_days=default_days)


_WEEKS: Final = ("id >= :first AND id < :end", "event_id >= :first AND event_id < :end")
"""A week's deliveries, by pruning; and deliveries of its events wherever they lie, by `deliveries_event_id_idx`."""


async def expire_deliveries(tx: AsyncConnection, *, past: Past, limit: int) -> int:
    """End what waits in a past week, and what waits of its events, up to a limit."""
    found = " UNION ALL ".join(f"SELECT id FROM deliveries WHERE due_at IS NOT NULL AND {week}" for week in _WEEKS)
    sql = f"""
    WITH waiting AS (
        SELECT d.id FROM deliveries d WHERE d.id = ANY(ARRAY({found} LIMIT :limit))
            AND d.due_at IS NOT NULL AND d.lease_until IS NULL ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
    ) {_EXPIRE}
    """
    return await execute(tx, sql, first=past.first, end=past.end, limit=limit)


@dataclass(frozen=True, slots=True)
class _Unfinished:
    unfinished: bool


async def is_unfinished(tx: AsyncConnection, *, past: Past) -> bool:
    """Tell whether something of a past week waits still, by `deliveries_due_idx`, or is on the wire."""
    waits = [f"EXISTS (SELECT FROM deliveries WHERE due_at IS NOT NULL AND {week})" for week in _WEEKS]
    leased = "SELECT FROM leases x JOIN deliveries d ON d.id = x.delivery_id WHERE d.lease_until IS NOT NULL AND d."
    sql = "SELECT " + " OR ".join(
        [*waits, *(f"EXISTS ({leased}{week.replace(' AND ', ' AND d.')})" for week in _WEEKS)]
    )
    sql += " AS unfinished"
    found = await fetch_one(tx, _Unfinished, sql, first=past.first, end=past.end)
    return found is not None and found.unfinished


async def drop_partition(tx: AsyncConnection, *, past: Past) -> None:
    """Drop a partition, through the owner's function; it refuses one with unfinished deliveries."""
    await execute(tx, "SELECT ringback_drop_partition(:name)", name=past.name)


async def delete_tasks(tx: AsyncConnection, *, limit: int) -> int:
    """Delete tasks that ended before their tenant's retention, by `tasks_tenant_id_id_idx`, with their markers.

    One of which something is still to be sent stays: its own signing secret lies with it. Those of a closed tenant
    are the erasure's, which first forgets their results.
    """
    sql = f"""
    DELETE FROM tasks WHERE id = ANY(ARRAY(
        SELECT k.id FROM tenants t CROSS JOIN LATERAL (
            SELECT id FROM tasks
            WHERE tenant_id = t.id AND finished_at < {_KEPT_SINCE} AND id < ringback_floor({_KEPT_SINCE})
                AND NOT EXISTS (SELECT FROM deliveries d WHERE d.task_id = tasks.id AND d.due_at IS NOT NULL)
            ORDER BY id LIMIT :limit) k
        WHERE t.deleted_at IS NULL LIMIT :limit))
    """
    return await execute(tx, sql, limit=limit)


async def delete_keys(tx: AsyncConnection, *, limit: int) -> int:
    """Delete what was kept for idempotency and has expired, by `dedupe_expires_at_idx`."""
    sql = """
    DELETE FROM dedupe d USING (
        SELECT tenant_id, kind, key FROM dedupe WHERE expires_at < now()
        ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED) old
    WHERE (d.tenant_id, d.kind, d.key) = (old.tenant_id, old.kind, old.key) AND d.expires_at < now()
    """
    return await execute(tx, sql, limit=limit)


async def delete_sessions(tx: AsyncConnection, *, limit: int) -> int:
    """Delete what people signed in by and is over, by `sessions_expires_at_idx` and `portal_links_expires_at_idx`.

    A link outlives every session that it may have opened.
    """
    sql = """
    WITH links AS (
        DELETE FROM portal_links WHERE id = ANY(ARRAY(
            SELECT id FROM portal_links WHERE expires_at < now() - INTERVAL '1 day' ORDER BY expires_at LIMIT :limit))
    )
    DELETE FROM sessions WHERE id = ANY(ARRAY(
        SELECT id FROM sessions WHERE expires_at < now() ORDER BY expires_at LIMIT :limit))
    """
    return await execute(tx, sql, limit=limit)


async def delete_rollups(tx: AsyncConnection, *, keep: timedelta, limit: int) -> int:
    """Delete counts that no window reaches any more, by `rollups_bucket_idx`."""
    sql = """
    DELETE FROM rollups r USING (
        SELECT lane, bucket FROM rollups WHERE bucket < now() - CAST(:keep AS INTERVAL)
        ORDER BY bucket LIMIT :limit) old
    WHERE r.lane = old.lane AND r.bucket = old.bucket
    """
    return await execute(tx, sql, keep=keep, limit=limit)


_FOLD: Final = f"""
WITH fine AS (
    DELETE FROM rollups r USING (
        SELECT lane, bucket FROM rollups WHERE {FINE} AND bucket < now() - CAST(:keep AS INTERVAL)
        ORDER BY bucket LIMIT :limit) old
    WHERE r.lane = old.lane AND r.bucket = old.bucket RETURNING r.*
), summed AS (
    SELECT lane, tenant_id, date_bin(INTERVAL '1 h', bucket, TIMESTAMPTZ '2000-01-01Z') AS bucket,
           {SUMS}, sum(r.connected)::INTEGER AS connected, {SUM_OF_LATENCIES}
    FROM fine r GROUP BY 1, 2, 3
), added AS ({ADD_ROLLUPS.format(source="summed")})
SELECT count(*)::INTEGER AS count FROM fine
"""


async def fold_rollups(tx: AsyncConnection, *, keep: timedelta, limit: int) -> int:
    """Add rows of five minutes to that of their hour, by `rollups_fine_idx`; return how many. No count is changed."""
    found = await fetch_one(tx, _Count, _FOLD, keep=keep, limit=limit)
    return 0 if found is None else found.count
