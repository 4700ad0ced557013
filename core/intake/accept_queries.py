"""The statement that accepts clients' events, for one and for a thousand, in the engine's role.

It does for them what `core.intake.event_queries` does for any event: theirs are of no task and about no endpoint.
Postgres plans it once for all sizes (`generate_series` is guessed to yield a thousand rows, so that nothing is planned
that is quadratic in the lines), and what a line must not be is looked up in hashed sets, not joined.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec

from core.database import AnyConnection, fetch_all
from core.intake.accept import NewEvent, build_body
from core.intake.dedupe import KEPT_FOR
from core.intake.event_queries import ID_KEPT_FOR, EventKey, Inserted, Line, fan_out_values, verdict_values
from core.model.ids import TenantId
from core.model.matching import subscriptions_of
from core.model.queued import Queued

# A kind is a tenant and a type: what matches is looked for once for each of them, by endpoints_tenant_id_id_idx.
# A line that matches a filtered endpoint for which it brings no verdict of the present version is stale: nothing of it
# is written. With :whole, nothing of any line is then, so that lines keep their order.
_MATCH: Final = """
kinds AS (
    SELECT * FROM unnest(
        CAST(:kind_tenants AS UUID[]), CAST(:kind_types AS TEXT[]), CAST(:kind_patterns AS TEXT[])
    ) WITH ORDINALITY AS k(tenant_id, type, patterns, kind)
), matching AS MATERIALIZED (
    SELECT k.kind, k.tenant_id, k.type, e.id AS endpoint_id, e.status = 'disabled' AS dead,
           e.filter IS NOT NULL AS filtered, e.filter_version
    FROM kinds k JOIN endpoints e ON e.tenant_id = k.tenant_id AND e.deleted_at IS NULL
        AND (e.event_types && string_to_array(k.patterns, ' ') OR cardinality(e.event_types) = 0)
), given AS MATERIALIZED (
    SELECT * FROM ROWS FROM (
        unnest(CAST(:ids AS UUID[])), unnest(CAST(:kinds AS INTEGER[])), unnest(CAST(:ordering AS TEXT[])),
        unnest(CAST(:keyed AS BOOLEAN[])), generate_series(1, CAST(:count AS INTEGER))
    ) AS g(id, kind, ordering_key, keyed, line)
), verdicts AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:judged_lines AS INTEGER[]), CAST(:judged_endpoints AS UUID[]), CAST(:judged_versions AS INTEGER[]),
        CAST(:judged_selected AS BOOLEAN[])) AS v(line, endpoint_id, version, selected)
), stale AS MATERIALIZED (
    SELECT DISTINCT g.line FROM matching m JOIN given g ON g.kind = m.kind
    LEFT JOIN verdicts v ON v.line = g.line AND v.endpoint_id = m.endpoint_id
    WHERE m.filtered AND v.version IS DISTINCT FROM m.filter_version
)
"""
# Keys first: requests before client IDs, sorted, so that two groups that sort alike cannot deadlock. Who finds a key
# taken is told apart by the ID that was made for it, equal keys of one group too.
_TAKE: Final = f"""
claimed AS (
    INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, status, expires_at)
    SELECT k.tenant_id, k.kind, k.key, k.fingerprint, jsonb_build_object('id', k.id), k.status,
           now() + CASE k.kind WHEN 'request' THEN make_interval(secs => {KEPT_FOR}) ELSE (
               SELECT make_interval(days => least({ID_KEPT_FOR}, t.retention_days)) FROM tenants t
               WHERE t.id = k.tenant_id) END
    FROM unnest(
        CAST(:key_lines AS INTEGER[]), CAST(:key_ids AS UUID[]), CAST(:key_tenants AS UUID[]),
        CAST(:key_kinds AS TEXT[]), CAST(:key_texts AS TEXT[]), CAST(:key_fingerprints AS BYTEA[]),
        CAST(:key_statuses AS SMALLINT[])
    ) AS k(line, id, tenant_id, kind, key, fingerprint, status)
    WHERE k.line NOT IN (SELECT line FROM stale) AND NOT (:whole AND EXISTS (SELECT FROM stale))
    ORDER BY k.tenant_id, k.kind DESC, k.key, k.line ON CONFLICT DO NOTHING
    RETURNING CAST(made ->> 'id' AS UUID) AS id
), taking AS MATERIALIZED (
    SELECT id, kind, ordering_key, line FROM given
    WHERE line NOT IN (SELECT line FROM stale) AND NOT (:whole AND EXISTS (SELECT FROM stale))
        AND (NOT keyed OR id IN (SELECT id FROM claimed))
)
"""
# The sequence is allotted in the order of the lines.
_WRITE: Final = """
made AS (
    INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, reason, trigger, due_at,
                            published_until, ordering_key, finished_at)
    SELECT ringback_uuid7(), m.tenant_id, t.id, m.type, m.endpoint_id, m.endpoint_id,
           CASE WHEN m.dead THEN 'cancelled' ELSE 'pending' END, CASE WHEN m.dead THEN 'endpoint_disabled' END,
           CAST(:trigger AS TEXT), CASE WHEN NOT m.dead THEN now() END,
           CASE WHEN NOT m.dead THEN now() + CAST(:published AS INTERVAL) END, t.ordering_key,
           CASE WHEN m.dead THEN now() END
    FROM taking t JOIN matching m ON m.kind = t.kind
    LEFT JOIN verdicts v ON m.filtered AND v.line = t.line AND v.endpoint_id = m.endpoint_id
    WHERE NOT m.filtered OR v.selected
    ORDER BY t.line, m.endpoint_id
    RETURNING id, event_id, lane, due_at
), counted AS (
    SELECT event_id, count(*) AS deliveries FROM made GROUP BY event_id
), accepted AS (
    INSERT INTO events (id, tenant_id, client_id, type, timestamp, body, data_offset, data_length, ordering_key,
                        attributes, deliveries)
    SELECT g.id, g.tenant_id, g.client_id, g.type, g.at, g.body, g.data_offset, g.data_length, g.ordering_key,
           CAST(g.attributes AS JSONB), coalesce(c.deliveries, 0)
    FROM ROWS FROM (
        unnest(CAST(:ids AS UUID[])), unnest(CAST(:tenants AS UUID[])), unnest(CAST(:clients AS TEXT[])),
        unnest(CAST(:types AS TEXT[])), unnest(CAST(:timestamps AS TIMESTAMPTZ[])), unnest(CAST(:bodies AS BYTEA[])),
        unnest(CAST(:offsets AS INTEGER[])), unnest(CAST(:lengths AS INTEGER[])), unnest(CAST(:ordering AS TEXT[])),
        unnest(CAST(:attributes AS TEXT[])), generate_series(1, CAST(:count AS INTEGER))
    ) AS g(id, tenant_id, client_id, type, at, body, data_offset, data_length, ordering_key, attributes, line)
    LEFT JOIN counted c ON c.event_id = g.id
    WHERE g.id IN (SELECT id FROM taking)
)
"""
_ACCEPT: Final = f"""
WITH {_MATCH}, {_TAKE}, {_WRITE}
SELECT now() AS made_at, ARRAY(SELECT line FROM stale) AS stale,
       ARRAY(SELECT line FROM given WHERE keyed AND id NOT IN (SELECT id FROM claimed)) AS lost,
       d.events, d.deliveries, d.lanes
FROM (SELECT array_agg(event_id) AS events, array_agg(id) AS deliveries,
             array_agg(CASE WHEN due_at IS NOT NULL THEN lane END) AS lanes FROM made) d
"""


class _Told(msgspec.Struct, frozen=True, gc=False):
    """What the statement tells: lines by their number, each delivery's event, and its lane if it is due."""

    made_at: datetime
    stale: Sequence[int]
    lost: Sequence[int]
    events: Sequence[UUID] | None
    deliveries: Sequence[UUID] | None
    lanes: Sequence[UUID | None] | None


async def insert_lines(
    tx: AnyConnection, *, lines: Sequence[Line], publish: bool, whole: bool
) -> tuple[tuple[Inserted, ...], tuple[Queued, ...]]:
    """Record clients' events and fan them out; return what became of each, and what is due, to publish once committed.

    With `publish` false nothing will be published now, and the feeder may take the rows at once. With `whole`, one
    line whose verdicts are stale keeps all others back. Endpoints are found by `endpoints_tenant_id_id_idx`. Waits, by
    the primary key of `dedupe`, for another transaction that takes one of the keys.
    """
    (told,) = await fetch_all(tx, _Told, _ACCEPT, **_values(lines, publish=publish, whole=whole))
    counts: dict[UUID, int] = {line.event.id: 0 for line in lines}
    tenants: dict[UUID, TenantId] = {line.event.id: line.event.tenant_id for line in lines}
    queued: list[Queued] = []
    for event_id, delivery_id, lane in zip(told.events or (), told.deliveries or (), told.lanes or (), strict=True):
        counts[event_id] += 1
        if lane is not None:
            queued.append(Queued(delivery_id, lane, tenants[event_id]))
    return _inserted(lines, told, counts, whole=whole), tuple(queued)


def _inserted(lines: Sequence[Line], told: _Told, counts: Mapping[UUID, int], *, whole: bool) -> tuple[Inserted, ...]:
    if whole and told.stale:
        return (_STALE,) * len(lines)
    found = [Inserted(told.made_at, counts[line.event.id], stale=False) for line in lines]
    for number in told.lost:
        found[number - 1] = _LOST
    for number in told.stale:  # it is among those that did not get their key, too
        found[number - 1] = _STALE
    return tuple(found)


_STALE: Final = Inserted(None, 0, stale=True)
_LOST: Final = Inserted(None, 0, stale=False)


def _values(lines: Sequence[Line], *, publish: bool, whole: bool) -> dict[str, object]:
    events = [line.event for line in lines]
    bodies = [build_body(event) for event in events]
    return {
        "count": len(events),
        "ids": [event.id for event in events],
        "tenants": [event.tenant_id for event in events],
        "types": [event.type for event in events],
        "timestamps": [event.timestamp for event in events],
        "bodies": [body.bytes for body in bodies],
        "offsets": [body.offset for body in bodies],
        "lengths": [body.length for body in bodies],
        "clients": [event.client_id for event in events],
        "ordering": [event.ordering_key for event in events],
        "attributes": [event.attributes and json.dumps(dict(event.attributes)) for event in events],
        "keyed": [line.key is not None for line in lines],
        "whole": whole,
        **_kind_values(events),
        **_key_values(lines),
        **verdict_values([line.verdicts for line in lines]),
        **fan_out_values(publish=publish),
    }


def _kind_values(events: Sequence[NewEvent]) -> dict[str, object]:
    numbers: dict[tuple[TenantId, str], int] = {}
    of_events = [numbers.setdefault((event.tenant_id, event.type), len(numbers) + 1) for event in events]
    return {
        "kinds": of_events,
        "kind_tenants": [tenant_id for tenant_id, _ in numbers],
        "kind_types": [type_ for _, type_ in numbers],
        "kind_patterns": [_patterns(type_) for _, type_ in numbers],
    }


@lru_cache(maxsize=4096)
def _patterns(type_: str) -> str:
    return " ".join(subscriptions_of(type_))


def _key_values(lines: Sequence[Line]) -> dict[str, object]:
    keyed: list[tuple[int, NewEvent, EventKey]] = [
        (number, line.event, line.key) for number, line in enumerate(lines, start=1) if line.key is not None
    ]
    return {
        "key_lines": [number for number, _, _ in keyed],
        "key_ids": [event.id for _, event, _ in keyed],
        "key_tenants": [event.tenant_id for _, event, _ in keyed],
        "key_kinds": [key.kind for _, _, key in keyed],
        "key_texts": [key.key for _, _, key in keyed],
        "key_fingerprints": [key.fingerprint for _, _, key in keyed],
        "key_statuses": [key.status for _, _, key in keyed],
    }
