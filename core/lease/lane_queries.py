"""The statements that find what a lane may send: the first that are due, or the heads of its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from core.database import AnyConnection, fetch_all
from core.journal.order_queries import first_of, on_the_wire
from core.model.queued import Queued

# The head of each key, keys in turn from `start` and round again, by deliveries_turns_idx: each is one step in the
# index, whatever stands behind it. No key is the empty one.
_HEAD: Final = """
            SELECT coalesce(d.ordering_key, '') AS key, d.id, d.tenant_id, d.due_at, d.published_until, d.sequence
            FROM deliveries d WHERE d.lane = {lane} AND d.status IN ('pending', 'retrying') AND d.lease_until IS NULL"""
_FIRST: Final = "ORDER BY coalesce(d.ordering_key, ''), d.sequence LIMIT 1"
_HEADS: Final = f"""
    WITH RECURSIVE up AS (
        ({_HEAD} AND coalesce(d.ordering_key, '') >= coalesce({{start}}, '') {_FIRST}) UNION ALL
        SELECT n.* FROM up CROSS JOIN LATERAL ({_HEAD} AND coalesce(d.ordering_key, '') > up.key {_FIRST}) n
    ), again AS (
        ({_HEAD} AND coalesce(d.ordering_key, '') < {{start}} {_FIRST}) UNION ALL
        SELECT n.* FROM again a CROSS JOIN LATERAL ({_HEAD} AND coalesce(d.ordering_key, '') > a.key
            AND coalesce(d.ordering_key, '') < {{start}} {_FIRST}) n
    )
    SELECT k.*, row_number() OVER () AS nth FROM (SELECT * FROM up UNION ALL SELECT * FROM again LIMIT {{limit}}) k
"""


def heads_of(lane: str, start: str, limit: str) -> str:
    """Return the query for the first that waits of each key of a lane, from the key `start`; all three are SQL.

    It goes by whether it is due and by what of its key is on the wire, see `core.journal.order_queries.on_the_wire`.

    Its `nth` counts them; where it reaches the limit, the next look should start at that `key`.
    """
    return _HEADS.format(lane=lane, start=start, limit=limit)


class Found(msgspec.Struct, frozen=True, gc=False):
    """Either a delivery that may be sent, or, with `key` alone, where the next look at the lane should start."""

    delivery_id: UUID | None
    lane: UUID
    tenant_id: UUID | None
    key: str | None
    asked: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """What may be sent, and of each lane with more keys than were looked at, where the next look should start.

    `lanes` is how many were looked at, where that was not told. There may be more after the `last` one, and after the
    `last_asked` of those in which something was asked for.
    """

    queued: tuple[Queued, ...]
    starts: dict[UUID, str]
    lanes: int = 0
    last: UUID | None = None
    last_asked: UUID | None = None

    @classmethod
    def of(cls, found: Sequence[Found]) -> "Due":
        """Sort what a statement found."""
        queued = [
            Queued(one.delivery_id, one.lane, one.tenant_id, one.asked, one.more)
            for one in found
            if one.delivery_id is not None and one.tenant_id is not None
        ]
        return cls(tuple(queued), {one.lane: one.key for one in found if one.key is not None})


_DUE: Final = f"""
WITH wanted AS MATERIALIZED (
    SELECT w.lane, w.room, s.start, coalesce(e.ordering = 'fifo', false) AS ordered
    FROM unnest(CAST(:lanes AS UUID[]), CAST(:rooms AS INTEGER[])) w(lane, room)
    LEFT JOIN unnest(CAST(:known AS UUID[]), CAST(:starts AS TEXT[])) s(lane, start) ON s.lane = w.lane
    LEFT JOIN endpoints e ON e.id = w.lane WHERE e.status IS DISTINCT FROM 'paused'
), heads AS MATERIALIZED (
    SELECT w.lane, w.room, h.* FROM wanted w CROSS JOIN LATERAL ({heads_of("w.lane", "w.start", "w.room")}) h
    WHERE w.ordered
)
SELECT d.id AS delivery_id, w.lane, d.tenant_id, NULL AS key FROM wanted w CROSS JOIN LATERAL (
    SELECT id, tenant_id FROM deliveries WHERE lane = w.lane AND due_at <= now() AND lease_until IS NULL
    ORDER BY due_at LIMIT w.room) d
WHERE NOT w.ordered
UNION ALL SELECT * FROM (
    SELECT h.id, h.lane, h.tenant_id, NULL FROM heads h
    LEFT JOIN ({on_the_wire("SELECT lane FROM wanted WHERE ordered")}) b ON b.lane = h.lane AND b.key = h.key
    WHERE h.due_at <= now() AND coalesce(b.sequence > h.sequence, true) ORDER BY h.due_at, h.sequence) o
UNION ALL SELECT NULL, lane, NULL, key FROM heads WHERE nth = room
"""


async def due_of_lanes(tx: AnyConnection, *, rooms: Mapping[UUID, int], starts: dict[UUID, str] | None = None) -> Due:
    """Find what each lane may send first, as many as it has room for; of a paused one nothing.

    By `deliveries_due_idx`; of one with an order the heads of as many keys are looked at, by `deliveries_turns_idx`,
    from its key among `starts`, which then holds where the next look should start.
    """
    known = {} if starts is None else {lane: starts[lane] for lane in rooms if lane in starts}
    values: dict[str, object] = {
        "lanes": list(rooms),
        "rooms": list(rooms.values()),
        "known": list(known),
        "starts": list(known.values()),
    }
    due = Due.of(await fetch_all(tx, Found, _DUE, **values))
    if starts is not None:
        for lane in rooms:
            starts.pop(lane, None)
        starts.update(due.starts)
    return due


async def next_in_order(tx: AnyConnection, *, ended: Sequence[UUID]) -> tuple[Queued, ...]:
    """Return what follows deliveries that have ended and is due, by `deliveries_turns_idx`."""
    sql = f"""
    SELECT h.id AS delivery_id, k.lane, h.tenant_id
    FROM (
        SELECT DISTINCT lane, coalesce(ordering_key, '') AS key FROM deliveries WHERE id = ANY(CAST(:ids AS UUID[]))) k
    CROSS JOIN LATERAL (
        SELECT d.id, d.tenant_id, d.due_at, d.sequence FROM deliveries d WHERE {first_of("k.lane", "k.key")}) h
    LEFT JOIN ({on_the_wire("SELECT lane FROM deliveries WHERE id = ANY(CAST(:ids AS UUID[]))")}) b
        ON b.lane = k.lane AND b.key = k.key
    WHERE h.due_at <= now() AND coalesce(b.sequence > h.sequence, true)
    """
    return await fetch_all(tx, Queued, sql, ids=list(ended))
