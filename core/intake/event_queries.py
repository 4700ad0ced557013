"""The statement that accepts events, in the engine's role: each row carries its tenant itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import AnyConnection, fetch_all
from core.intake.accept import PUBLISHED_FOR, NewEvent, build_body, lane_of_url
from core.intake.verdicts import Verdict
from core.model.matching import reaches_unfiltered, subscriptions_of
from core.model.outcome import Trigger
from core.model.queued import Queued

ID_KEPT_FOR: Final = 30
"""Days that a client's own ID of an event stays taken, or the tenant's retention, if that is shorter."""

REQUEST: Final = "request"

GIVEN: Final = """
    SELECT * FROM unnest(
        CAST(:ids AS UUID[]), CAST(:tenants AS UUID[]), CAST(:types AS TEXT[]), CAST(:patterns AS TEXT[]),
        CAST(:unfiltered AS BOOLEAN[]), CAST(:timestamps AS TIMESTAMPTZ[]), CAST(:bodies AS BYTEA[]),
        CAST(:offsets AS INTEGER[]), CAST(:lengths AS INTEGER[]), CAST(:clients AS TEXT[]), CAST(:keys AS TEXT[]),
        CAST(:attributes AS TEXT[]), CAST(:about AS UUID[]), CAST(:owners AS TEXT[]), CAST(:tasks AS UUID[]),
        CAST(:urls AS TEXT[]), CAST(:lanes AS UUID[]), CAST(:only_if_wanted AS BOOLEAN[]), CAST(:traces AS TEXT[])
    ) WITH ORDINALITY AS g(id, tenant_id, type, patterns, unfiltered, at, body, data_offset, data_length, client_id,
                           ordering_key, attributes, about, owner, task_id, url, lane, only_if_wanted, traceparent,
                           line)
"""
# Fan-out is a join: to 10 or to 10,000 endpoints it is one statement, by endpoints_living_idx.
# An operational event stays with the owner of what it is about, and does not reach what it is about.
# A line that matches a filtered endpoint for which it brings no verdict of the present version is stale: nothing of it
# is written. With :whole, nothing of any line is then, so that lines keep their order.
MATCH: Final = """
verdicts AS (
    SELECT * FROM unnest(
        CAST(:judged_lines AS BIGINT[]), CAST(:judged_endpoints AS UUID[]), CAST(:judged_versions AS INTEGER[]),
        CAST(:judged_selected AS BOOLEAN[])) AS v(line, endpoint_id, version, selected)
), matching AS (
    SELECT g.line, e.id AS endpoint_id, e.status = 'disabled' AS dead, e.filter IS NULL OR v.selected AS selected,
           e.filter IS NOT NULL AND v.version IS DISTINCT FROM e.filter_version AS unjudged,
           e.mode = 'pull' AS pulled
    FROM given g JOIN endpoints e ON e.tenant_id = g.tenant_id AND e.deleted_at IS NULL
        AND (e.event_types && string_to_array(g.patterns, ' ') OR (cardinality(e.event_types) = 0 AND g.unfiltered))
        AND (g.unfiltered OR (e.id IS DISTINCT FROM g.about AND (e.owner IS NULL OR e.owner = g.owner)))
    LEFT JOIN verdicts v ON e.filter IS NOT NULL AND v.line = g.line AND v.endpoint_id = e.id
), unjudged AS (
    SELECT DISTINCT line FROM matching WHERE unjudged
), stale AS (
    SELECT line FROM unjudged UNION SELECT line FROM given WHERE :whole AND EXISTS (SELECT FROM unjudged)
)
"""
# The sequence is allotted in the order of the lines. `taking` is what of the given lines is really taken.
FAN_OUT: Final = """
wanted AS (
    SELECT g.line, g.id AS event_id, g.tenant_id, g.type, g.task_id, g.ordering_key, m.endpoint_id,
           CAST(NULL AS TEXT) AS url, m.endpoint_id AS lane, m.dead, m.pulled
    FROM taking g JOIN matching m ON m.line = g.line WHERE m.selected
    UNION ALL
    SELECT line, id, tenant_id, type, task_id, ordering_key, NULL, url, lane, false, false FROM taking
    WHERE url IS NOT NULL
), made AS (
    INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, task_id, url, lane, status, reason,
                            trigger, due_at, published_until, ordering_key, finished_at)
    SELECT ringback_uuid7(), tenant_id, event_id, type, endpoint_id, task_id, url, lane,
           CASE WHEN dead THEN 'cancelled' ELSE 'pending' END, CASE WHEN dead THEN 'endpoint_disabled' END,
           CAST(:trigger AS TEXT), CASE WHEN NOT dead THEN now() END,
           CASE WHEN NOT dead AND NOT pulled THEN now() + CAST(:published AS INTERVAL) END, ordering_key,
           CASE WHEN dead THEN now() END
    FROM wanted ORDER BY line, endpoint_id
    RETURNING id, event_id, tenant_id, lane, published_until
), counted AS (
    SELECT line, count(*) AS deliveries FROM wanted GROUP BY line
)
"""
ACCEPT: Final = """
accepted AS (
    INSERT INTO events (id, tenant_id, client_id, type, timestamp, body, data_offset, data_length, ordering_key,
                        attributes, traceparent, task_id, deliveries)
    SELECT g.id, g.tenant_id, g.client_id, g.type, g.at, g.body, g.data_offset, g.data_length, g.ordering_key,
           CAST(g.attributes AS JSONB), g.traceparent, g.task_id, coalesce(c.deliveries, 0)
    FROM taking g LEFT JOIN counted c ON c.line = g.line WHERE NOT g.only_if_wanted OR c.deliveries > 0
    RETURNING id, created_at, deliveries
)
"""
_INSERT: Final = f"""
WITH given AS ({GIVEN}), {MATCH}, taking AS (
    SELECT g.* FROM given g WHERE NOT EXISTS (SELECT FROM stale s WHERE s.line = g.line)
), {FAN_OUT}, {ACCEPT}
SELECT g.line, s.line IS NOT NULL AS stale, a.created_at, a.deliveries, m.id AS delivery_id, m.lane, g.tenant_id
FROM given g LEFT JOIN stale s ON s.line = g.line LEFT JOIN accepted a ON a.id = g.id
LEFT JOIN made m ON m.event_id = g.id AND m.published_until IS NOT NULL
"""


class EventKey(msgspec.Struct, frozen=True, gc=False):
    """What must not be there twice: an Idempotency-Key (`request`), or a client's own ID (`event`)."""

    kind: str
    key: str
    fingerprint: bytes


class Line(msgspec.Struct, frozen=True, gc=False):
    """An event to accept, with what its filters say, and its keys: the request's before the client's own ID."""

    event: NewEvent
    verdicts: Sequence[Verdict] = ()
    keys: tuple[EventKey, ...] = ()


class Inserted(msgspec.Struct, frozen=True, gc=False):
    """What became of a line: it was made, or its verdicts were stale, or else its key was taken or nobody wants it."""

    made_at: datetime | None
    deliveries: int
    stale: bool


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    stale: bool
    created_at: datetime | None
    deliveries: int | None
    delivery_id: UUID | None
    lane: UUID | None
    tenant_id: UUID


async def insert_events(
    tx: AsyncConnection, *, lines: Sequence[Line], publish: bool, whole: bool
) -> tuple[tuple[Inserted, ...], tuple[Queued, ...]]:
    """Record events and fan them out; return what became of each line, and what to publish after the commit.

    With `publish` false nothing will be published now, and the feeder may take the rows at once. With `whole`, one
    line whose verdicts are stale keeps all others back. Lines with keys go to `core.intake.accept_queries`.
    """
    rows = await fetch_all(tx, _Row, _INSERT, **accept_values(lines, publish=publish, whole=whole))
    found = {row.line: Inserted(row.created_at, row.deliveries or 0, row.stale) for row in rows}
    queued = tuple(
        Queued(row.delivery_id, row.lane, row.tenant_id)
        for row in rows
        if row.delivery_id is not None and row.lane is not None
    )
    return tuple(found[number] for number in range(1, len(lines) + 1)), queued


def accept_values(lines: Sequence[Line], *, publish: bool, whole: bool) -> dict[str, object]:
    """Return the parameters of `GIVEN`, `MATCH` and `FAN_OUT`."""
    events = [line.event for line in lines]
    bodies = [build_body(event) for event in events]
    return {
        "ids": [event.id for event in events],
        "tenants": [event.tenant_id for event in events],
        "types": [event.type for event in events],
        "patterns": [" ".join(subscriptions_of(event.type)) for event in events],
        "unfiltered": [reaches_unfiltered(event.type) for event in events],
        "timestamps": [event.timestamp for event in events],
        "bodies": [body.bytes for body in bodies],
        "offsets": [body.offset for body in bodies],
        "lengths": [body.length for body in bodies],
        "clients": [event.client_id for event in events],
        "keys": [event.ordering_key for event in events],
        "attributes": [event.attributes and json.dumps(dict(event.attributes)) for event in events],
        "about": [event.about for event in events],
        "owners": [event.owner for event in events],
        "tasks": [event.task_id for event in events],
        "urls": [event.webhook_url for event in events],
        "lanes": [event.webhook_url and lane_of_url(event.tenant_id, event.webhook_url) for event in events],
        "only_if_wanted": [event.only_if_wanted for event in events],
        "traces": [event.traceparent for event in events],
        **verdict_values([line.verdicts for line in lines]),
        **fan_out_values(publish=publish),
        "whole": whole,
    }


def verdict_values(verdicts: Sequence[Sequence[Verdict]]) -> dict[str, object]:
    """Return the parameters by which `MATCH` knows what the filters say of each line."""
    judged = [(number, verdict) for number, line in enumerate(verdicts, start=1) for verdict in line]
    return {
        "judged_lines": [number for number, _ in judged],
        "judged_endpoints": [verdict.endpoint_id for _, verdict in judged],
        "judged_versions": [verdict.version for _, verdict in judged],
        "judged_selected": [verdict.selected for _, verdict in judged],
    }


def fan_out_values(*, publish: bool, trigger: Trigger = Trigger.FIRST) -> dict[str, object]:
    """Return the parameters of `FAN_OUT`."""
    return {"published": timedelta(seconds=PUBLISHED_FOR) if publish else None, "trigger": trigger.value}


@dataclass(frozen=True, slots=True)
class _Found:
    id: UUID
    created_at: datetime
    deliveries: int


async def find_accepted(tx: AnyConnection, *, ids: Sequence[UUID]) -> dict[UUID, Inserted]:
    """Return which of these events are there, by their primary key, in the engine's role."""
    sql = "SELECT id, created_at, deliveries FROM events WHERE id = ANY(CAST(:ids AS UUID[]))"
    rows = await fetch_all(tx, _Found, sql, ids=list(ids))
    return {row.id: Inserted(row.created_at, row.deliveries, stale=False) for row in rows}
