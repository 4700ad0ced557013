"""The statement that accepts clients' events, for one and for a thousand, in the engine's role.

It does for them what `core.intake.event_queries` does for any event: theirs are of no task and about no endpoint.
Postgres plans it once for all sizes (`generate_series` is guessed to yield a thousand rows, so that nothing is planned
that is quadratic in the lines), and what a line must not be is looked up in hashed sets, not joined.

Most of what a small group costs is the plan itself: each part is set up and taken down again, whether it finds a row or
none. What a group has nothing for (verdicts of filters, keys, two keys of one line) is therefore not in its statement.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from core.database import AnyConnection, fetch_all
from core.intake.accept import NewEvent, build_body, data_offset
from core.intake.dedupe import KEPT_FOR
from core.intake.event_queries import ID_KEPT_FOR, REQUEST, EventKey, Inserted, Line, fan_out_values, verdict_values
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.model.matching import subscriptions_of
from core.model.queued import Queued

T = TypeVar("T")
ACCEPTED: Final = 202
"""The status that is kept with the key of a request: what its first answer has."""

# A kind is a tenant and a type: what matches is looked for once for each of them, by endpoints_living_idx.
# A line that matches a filtered endpoint for which it brings no verdict of the present version is stale: nothing of it
# is written. With :whole, nothing of any line is then, so that lines keep their order.
# Each value of each line costs the driver and Postgres about as much as a row costs an index: an array that would hold
# the same for all of them is empty, and what follows from the kind is not said again.
_MATCH: Final = """
kinds AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:kind_tenants AS UUID[]), CAST(:kind_types AS TEXT[]), CAST(:kind_patterns AS TEXT[]),
        CAST(:kind_offsets AS INTEGER[])
    ) WITH ORDINALITY AS k(tenant_id, type, patterns, data_offset, kind)
), matching AS MATERIALIZED (
    SELECT k.kind, k.tenant_id, k.type, e.id AS endpoint_id, e.status = 'disabled' AS dead,
           e.filter IS NOT NULL AS filtered, e.filter_version, e.mode = 'pull' AS pulled
    FROM kinds k JOIN endpoints e ON e.tenant_id = k.tenant_id AND e.deleted_at IS NULL
        AND (e.event_types && string_to_array(k.patterns, ' ') OR cardinality(e.event_types) = 0)
), given AS MATERIALIZED (
    SELECT id, coalesce(kind, 1) AS kind, ordering_key, line FROM ROWS FROM (
        unnest(CAST(:ids AS UUID[])), unnest(CAST(:kinds AS INTEGER[])), unnest(CAST(:ordering AS TEXT[])),
        generate_series(1, CAST(:count AS INTEGER))
    ) AS g(id, kind, ordering_key, line)
)
"""
_JUDGE: Final = """, verdicts AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:judged_lines AS INTEGER[]), CAST(:judged_endpoints AS UUID[]), CAST(:judged_versions AS INTEGER[]),
        CAST(:judged_selected AS BOOLEAN[])) AS v(line, endpoint_id, version, selected)
), stale AS MATERIALIZED (
    SELECT DISTINCT g.line, g.id FROM matching m JOIN given g ON g.kind = m.kind
    LEFT JOIN verdicts v ON v.line = g.line AND v.endpoint_id = m.endpoint_id
    WHERE m.filtered AND v.version IS DISTINCT FROM m.filter_version
)
"""
_JUDGE_NOTHING: Final = """, stale AS MATERIALIZED (
    SELECT id FROM given WHERE kind IN (SELECT kind FROM matching WHERE filtered)
)
"""
# Keys first: requests before client IDs, sorted, so that two groups that sort alike cannot deadlock. Who finds a key
# taken is told apart by the ID that was made for it, equal keys of one group too.
_TAKE: Final = f""", keys AS MATERIALIZED (
    SELECT id, coalesce(tenant_id, CAST(:tenant AS UUID)) AS tenant_id, coalesce(kind, 'request') AS kind, key,
           fingerprint, {{paired}}line
    FROM ROWS FROM (
        unnest(CAST(:key_ids AS UUID[])), unnest(CAST(:key_tenants AS UUID[])), unnest(CAST(:key_kinds AS TEXT[])),
        unnest(CAST(:key_texts AS TEXT[])), unnest(CAST(:key_fingerprints AS BYTEA[])),
        {{pairs}}generate_series(1, CAST(:key_count AS INTEGER))
    ) AS k(id, tenant_id, kind, key, fingerprint, {{paired}}line)
){{held}}, claimed AS (
    INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, status, expires_at)
    SELECT k.tenant_id, k.kind, k.key, k.fingerprint, jsonb_build_object('id', k.id),
           CASE k.kind WHEN 'request' THEN {ACCEPTED} END,
           now() + CASE k.kind WHEN 'request' THEN make_interval(secs => {KEPT_FOR}) ELSE (
               SELECT make_interval(days => least({ID_KEPT_FOR}, t.retention_days)) FROM tenants t
               WHERE t.id = k.tenant_id) END
    FROM keys k
    WHERE k.id NOT IN (SELECT id FROM stale) AND NOT (:whole AND EXISTS (SELECT FROM stale)){{unheld}}
    ORDER BY k.tenant_id, k.kind DESC, k.key, k.line ON CONFLICT DO NOTHING
    RETURNING CAST(made ->> 'id' AS UUID) AS id
){{torn}}, lost AS MATERIALIZED (
    SELECT id FROM keys WHERE id NOT IN (SELECT id FROM claimed)
)
"""
# A line with a key of both kinds takes both or none. It asks for none if somebody holds one of them, which costs an
# index's look more; if somebody has come in between, `torn` takes them once more without asking and so fails the
# statement, which then finds that one held. The look is a subquery, as a plan that was made while there were few keys
# would read them all for a join; so is what `torn` asks.
_ONE_EACH: Final = _TAKE.format(paired="", pairs="", held="", unheld="", torn="")
_PAIRS: Final = _TAKE.format(
    paired="paired, ",
    pairs="unnest(CAST(:key_pairs AS BOOLEAN[])), ",
    held=""", held AS MATERIALIZED (
    SELECT id FROM keys k WHERE paired AND (
        SELECT true FROM dedupe d WHERE d.tenant_id = k.tenant_id AND d.kind = k.kind AND d.key = k.key)
)""",
    unheld=" AND k.id NOT IN (SELECT id FROM held)",
    torn=""", torn AS (
    INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, expires_at)
    SELECT tenant_id, kind, key, fingerprint, jsonb_build_object(), now() FROM keys
    WHERE CASE WHEN paired THEN id IN (SELECT id FROM claimed GROUP BY id HAVING count(*) = 1) END
)""",
)
# RFC 9562, sections 5.7 and 6.2: 48 bits of milliseconds and the version; then the line, so that the IDs of a statement
# are in the order of its lines; then 62 bits of a hash of the event's random ones and the endpoint. Random bits of its
# own would be read from the kernel for each, by some Postgres from a device: a twentieth of all that accepting costs.
_DELIVERY_ID: Final = f"""CAST(encode(
               (SELECT substring(int8send(CAST(floor(extract(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT)) FROM 3))
               || int2send(CAST({0x7000} + t.line % {0x1000} AS SMALLINT))
               || int8send(uuid_hash_extended(t.id, uuid_hash_extended(m.endpoint_id, 0)) & {(1 << 62) - 1}
                           | CAST({-1 << 63} AS BIGINT)), 'hex') AS UUID)"""
# The sequence is allotted in the order of the lines.
_WRITE: Final = """, taking AS MATERIALIZED (
    SELECT id, kind, ordering_key, line FROM given
    WHERE id NOT IN (SELECT id FROM stale) AND NOT (:whole AND EXISTS (SELECT FROM stale)){unless_lost}
), made AS (
    INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, reason, trigger, due_at,
                            published_until, ordering_key, finished_at)
    SELECT {delivery_id}, m.tenant_id, t.id, m.type, m.endpoint_id, m.endpoint_id,
           CASE WHEN m.dead THEN 'cancelled' ELSE 'pending' END, CASE WHEN m.dead THEN 'endpoint_disabled' END,
           CAST(:trigger AS TEXT), CASE WHEN NOT m.dead THEN now() END,
           CASE WHEN NOT m.dead AND NOT m.pulled THEN now() + CAST(:published AS INTERVAL) END, t.ordering_key,
           CASE WHEN m.dead THEN now() END
    FROM taking t JOIN matching m ON m.kind = t.kind
    {selected}
    ORDER BY t.line, m.endpoint_id
    RETURNING id, event_id, lane, published_until
), counted AS (
    SELECT event_id, count(*) AS deliveries FROM made GROUP BY event_id
), accepted AS (
    INSERT INTO events (id, tenant_id, client_id, type, timestamp, body, data_offset, data_length, ordering_key,
                        attributes, traceparent, deliveries)
    SELECT g.id, k.tenant_id, g.client_id, k.type, g.at, g.body, k.data_offset,
           octet_length(g.body) - k.data_offset - 1, g.ordering_key, CAST(g.attributes AS JSONB), g.traceparent,
           coalesce(c.deliveries, 0)
    FROM ROWS FROM (
        unnest(CAST(:ids AS UUID[])), unnest(CAST(:kinds AS INTEGER[])), unnest(CAST(:clients AS TEXT[])),
        unnest(CAST(:timestamps AS TIMESTAMPTZ[])), unnest(CAST(:bodies AS BYTEA[])),
        unnest(CAST(:ordering AS TEXT[])), unnest(CAST(:attributes AS TEXT[])),
        unnest(CAST(:traces AS TEXT[])), generate_series(1, CAST(:count AS INTEGER))
    ) AS g(id, kind, client_id, at, body, ordering_key, attributes, traceparent, line)
    JOIN kinds k ON k.kind = coalesce(g.kind, 1)
    LEFT JOIN counted c ON c.event_id = g.id
    WHERE g.id IN (SELECT id FROM taking)
)
"""
_SELECTED: Final = """LEFT JOIN verdicts v ON m.filtered AND v.line = t.line AND v.endpoint_id = m.endpoint_id
    WHERE NOT m.filtered OR v.selected"""
_TELL: Final = """
SELECT now() AS made_at, ARRAY(SELECT id FROM stale) AS stale, {lost} AS lost, d.events, d.deliveries, d.lanes
FROM (SELECT array_agg(event_id) AS events, array_agg(id) AS deliveries,
             array_agg(CASE WHEN published_until IS NOT NULL THEN lane END) AS lanes FROM made) d
"""


def _statement(*, judged: bool, keys: str) -> str:
    lost, unless_lost = ("ARRAY(SELECT id FROM lost)", " AND id NOT IN (SELECT id FROM lost)")
    write = _WRITE.format(
        delivery_id=_DELIVERY_ID,
        unless_lost=unless_lost if keys else "",
        selected=_SELECTED if judged else "WHERE NOT m.filtered",
    )
    tell = _TELL.format(lost=lost if keys else "CAST('{}' AS UUID[])")
    return f"WITH {_MATCH}{_JUDGE if judged else _JUDGE_NOTHING}{keys}{write}{tell}"


_ACCEPT: Final = {
    (judged, most): _statement(judged=judged, keys=keys)
    for judged in (False, True)
    for most, keys in enumerate(("", _ONE_EACH, _PAIRS))
}
"""The statement for lines with verdicts of filters, or without any, of which each has so many keys at the most."""


class _Told(msgspec.Struct, frozen=True, gc=False):
    """Which events are not there, and why; each delivery's event, and its lane if it is to be published."""

    made_at: datetime
    stale: Sequence[UUID]
    lost: Sequence[UUID]
    events: Sequence[UUID] | None
    deliveries: Sequence[UUID] | None
    lanes: Sequence[UUID | None] | None


async def insert_lines(
    tx: AnyConnection, *, lines: Sequence[Line], publish: bool, whole: bool
) -> tuple[tuple[Inserted, ...], tuple[Queued, ...]]:
    """Record clients' events and fan them out; return what became of each, and what to publish once committed.

    With `publish` false nothing will be published now, and the feeder may take the rows at once. With `whole`, one
    line whose verdicts are stale keeps all others back. Endpoints are found by `endpoints_living_idx`. Waits, by
    the primary key of `dedupe`, for another transaction that takes one of the keys. A line with two keys must not share
    one with a line before it; if one of the two is taken by another transaction meanwhile, what is raised `is_taken`.
    """
    sql = _ACCEPT[any(line.verdicts for line in lines), max(len(line.keys) for line in lines)]
    (told,) = await fetch_all(tx, _Told, sql, **_values(lines, publish=publish, whole=whole))
    if whole and told.stale:
        return (_STALE,) * len(lines), ()
    tenants: dict[UUID, TenantId] = {line.event.id: line.event.tenant_id for line in lines}
    counts, queued = dict.fromkeys(tenants, 0), list[Queued]()
    for event_id, delivery_id, lane in zip(told.events or (), told.deliveries or (), told.lanes or (), strict=True):
        counts[event_id] += 1
        if lane is not None:
            queued.append(Queued(delivery_id, lane, tenants[event_id]))
    found = {event_id: Inserted(told.made_at, count, stale=False) for event_id, count in counts.items()}
    found.update(dict.fromkeys(told.lost, LOST))
    found.update(dict.fromkeys(told.stale, _STALE))  # what is stale did not get its key either
    return tuple(found[line.event.id] for line in lines), tuple(queued)


_STALE: Final = Inserted(None, 0, stale=True)
LOST: Final = Inserted(None, 0, stale=False)
"""What became of a line whose key another one has."""


def _values(lines: Sequence[Line], *, publish: bool, whole: bool) -> dict[str, object]:
    events = [line.event for line in lines]
    return {
        "count": len(events),
        "ids": [event.id for event in events],
        "timestamps": [event.timestamp for event in events],
        "bodies": [build_body(event).bytes for event in events],
        "clients": _unless_all_are(None, [event.client_id for event in events]),
        "ordering": _unless_all_are(None, [event.ordering_key for event in events]),
        "attributes": _unless_all_are(None, [_json(event.attributes) for event in events]),
        "traces": _unless_all_are(None, [event.traceparent for event in events]),
        "tenant": events[0].tenant_id,
        "whole": whole,
        **_kind_values(events),
        **_key_values(lines, events[0].tenant_id),
        **verdict_values([line.verdicts for line in lines]),
        **fan_out_values(publish=publish),
    }


def _kind_values(events: Sequence[NewEvent]) -> dict[str, object]:
    numbers: dict[tuple[TenantId, str], int] = {}
    of_events = [numbers.setdefault((event.tenant_id, event.type), len(numbers) + 1) for event in events]
    return {
        "kinds": _unless_all_are(1, of_events),
        "kind_tenants": [tenant_id for tenant_id, _ in numbers],
        "kind_types": [type_ for _, type_ in numbers],
        "kind_patterns": [" ".join(subscriptions_of(type_)) for _, type_ in numbers],
        "kind_offsets": [data_offset(type_) for _, type_ in numbers],
    }


def _key_values(lines: Sequence[Line], tenant_id: TenantId) -> dict[str, object]:
    keyed: list[tuple[NewEvent, EventKey]] = [(line.event, key) for line in lines for key in line.keys]
    return {
        "key_count": len(keyed),
        "key_ids": [event.id for event, _ in keyed],
        "key_tenants": _unless_all_are(tenant_id, [event.tenant_id for event, _ in keyed]),
        "key_kinds": _unless_all_are(REQUEST, [key.kind for _, key in keyed]),
        "key_texts": [key.key for _, key in keyed],
        "key_fingerprints": [key.fingerprint for _, key in keyed],
        "key_pairs": _unless_all_are(False, [len(line.keys) > 1 for line in lines for _ in line.keys]),
    }


def _json(attributes: Mapping[str, JsonValue] | None) -> str | None:
    return None if attributes is None else json.dumps(dict(attributes))


def _unless_all_are(usual: T, values: list[T]) -> list[T]:
    """Return the values, none at all if all of them are the usual one: `unnest` fills up with nulls then."""
    return [] if values.count(usual) == len(values) else values
