"""The statements that make new deliveries of events that are there, in the engine's role: each carries the tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.intake.accept import PUBLISHED_FOR, NewEvent, build_body
from core.intake.event_queries import FAN_OUT, MATCH, fan_out_values, verdict_values
from core.intake.reopen_queries import Target
from core.intake.verdicts import Verdict
from core.journal.event_queries import EVENT_COLUMNS
from core.journal.events import EventRecord
from core.journal.retention_queries import hold_past
from core.model.ids import DeliveryId, EndpointId, EventId, TenantId
from core.model.matching import reaches_unfiltered, subscriptions_of
from core.model.outcome import Trigger
from core.model.queued import Queued

# As acceptance does it, of an event that is there. An operational event does not reach what it is about now either.
_REPLAY: Final = f"""
WITH given AS (
    SELECT CAST(1 AS BIGINT) AS line, v.id, v.tenant_id, v.type, CAST(:patterns AS TEXT) AS patterns,
           CAST(:unfiltered AS BOOLEAN) AS unfiltered, v.ordering_key, v.task_id, CAST(NULL AS TEXT) AS url,
           CAST(NULL AS UUID) AS lane, CAST(:about AS UUID) AS about, a.owner
    FROM events v LEFT JOIN endpoints a ON a.id = CAST(:about AS UUID) AND a.tenant_id = v.tenant_id
    WHERE v.id = :event_id AND v.tenant_id = :tenant_id
), {MATCH}, taking AS (
    SELECT * FROM given WHERE NOT EXISTS (SELECT FROM stale)
), {FAN_OUT}, told AS (
    UPDATE events v SET deliveries = v.deliveries + c.deliveries FROM counted c
    WHERE v.id = :event_id AND v.tenant_id = :tenant_id
)
SELECT s.line IS NOT NULL AS stale, m.id AS delivery_id, m.lane, g.tenant_id
FROM given g LEFT JOIN stale s ON s.line = g.line LEFT JOIN made m ON m.published_until IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class _Row:
    stale: bool
    delivery_id: UUID | None
    lane: UUID | None
    tenant_id: UUID


async def lock_event(tx: AsyncConnection, *, tenant_id: TenantId, event_id: EventId) -> EventRecord | None:
    """Keep an event from being erased, and its partition from being dropped, until this transaction ends."""
    await hold_past(tx)
    sql = f"SELECT {EVENT_COLUMNS} FROM events WHERE id = :id AND tenant_id = :tenant_id FOR UPDATE"
    return await fetch_one(tx, EventRecord, sql, id=event_id, tenant_id=tenant_id)


async def lock_endpoint(tx: AsyncConnection, *, tenant_id: TenantId, endpoint_id: EndpointId) -> Target | None:
    """Keep an endpoint, a deleted one too, as it is; by its primary key."""
    sql = """
    SELECT status = 'disabled' AS disabled, deleted_at IS NOT NULL AS deleted FROM endpoints
    WHERE id = :id AND tenant_id = :tenant_id FOR SHARE
    """
    return await fetch_one(tx, Target, sql, id=endpoint_id, tenant_id=tenant_id)


async def replay_event(
    tx: AsyncConnection,
    *,
    event: EventRecord,
    about: EndpointId | None,
    verdicts: Sequence[Verdict],
    publish: bool,
) -> tuple[Queued, ...] | None:
    """Fan a locked event out to what matches now; `None` if a verdict is missing or stale, and nothing was made."""
    rows = await fetch_all(
        tx,
        _Row,
        _REPLAY,
        event_id=event.id,
        tenant_id=event.tenant_id,
        patterns=" ".join(subscriptions_of(event.type)),
        unfiltered=reaches_unfiltered(event.type),
        about=about,
        whole=False,
        **verdict_values([verdicts]),
        **fan_out_values(publish=publish, trigger=Trigger.REPLAY),
    )
    if any(row.stale for row in rows):
        return None
    return tuple(
        Queued(row.delivery_id, row.lane, row.tenant_id)
        for row in rows
        if row.delivery_id is not None and row.lane is not None
    )


async def deliver_to(
    tx: AsyncConnection,
    *,
    tenant_id: TenantId,
    event_id: EventId,
    endpoint_id: EndpointId,
    delivery_id: DeliveryId,
    trigger: Trigger,
    publish: bool,
) -> Queued | None:
    """Make one delivery of an event to an endpoint, whatever that subscribed to, and count it."""
    sql = """
    WITH event AS (
        UPDATE events SET deliveries = deliveries + 1 WHERE id = :event_id AND tenant_id = :tenant_id
        RETURNING id, tenant_id, type, task_id, ordering_key
    )
    INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, task_id, lane, status, trigger, due_at,
                            published_until, ordering_key)
    SELECT :delivery_id, tenant_id, id, type, :endpoint_id, task_id, :endpoint_id, 'pending', :trigger, now(),
           now() + CAST(:published AS INTERVAL), ordering_key
    FROM event RETURNING id AS delivery_id, lane, tenant_id
    """
    values: dict[str, object] = {
        "tenant_id": tenant_id,
        "event_id": event_id,
        "endpoint_id": endpoint_id,
        "delivery_id": delivery_id,
        "trigger": trigger.value,
        "published": timedelta(seconds=PUBLISHED_FOR) if publish else None,
    }
    return await fetch_one(tx, Queued, sql, **values)


async def insert_alone(tx: AsyncConnection, *, event: NewEvent) -> None:
    """Record an event that no endpoint gets by itself."""
    body = build_body(event)
    sql = """
    INSERT INTO events (id, tenant_id, type, timestamp, body, data_offset, data_length)
    VALUES (:id, :tenant_id, :type, :timestamp, :body, :offset, :length)
    """
    await execute(
        tx,
        sql,
        id=event.id,
        tenant_id=event.tenant_id,
        type=event.type,
        timestamp=event.timestamp,
        body=body.bytes,
        offset=body.offset,
        length=body.length,
    )
