"""The statements that find what a lane may send: the first that are due, or the heads of its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from core.database import AnyConnection, fetch_all
from core.journal.order_queries import first_of, on_the_wire
from core.model.queued import Queued

# The head of each key, keys in turn from `start` and round again, by deliveries_order_idx: each is one step in the
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

    `lanes` is how many have anything that waits, where all of them were looked at.
    """

    queued: tuple[Queued, ...]
    starts: dict[UUID, str]
    lanes: int = 0

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
WITH gate AS (SELECT ordering = 'fifo' AS ordered, status = 'paused' AS paused FROM endpoints WHERE id = :lane),
plain AS (
    SELECT id, tenant_id FROM deliveries
    WHERE lane = :lane AND due_at <= now() AND lease_until IS NULL
      AND NOT EXISTS (SELECT FROM gate WHERE ordered OR paused) ORDER BY due_at LIMIT :limit
), heads AS MATERIALIZED (
    SELECT h.* FROM gate g CROSS JOIN LATERAL ({heads_of(":lane", "CAST(:start AS TEXT)", ":limit")}) h
    WHERE g.ordered AND NOT g.paused
)
SELECT id AS delivery_id, CAST(:lane AS UUID) AS lane, tenant_id, NULL AS key FROM plain
UNION ALL
SELECT h.id, CAST(:lane AS UUID), h.tenant_id, NULL FROM heads h
LEFT JOIN ({on_the_wire("CAST(:lane AS UUID)")}) b ON b.key = h.key
WHERE h.due_at <= now() AND coalesce(b.sequence > h.sequence, true)
UNION ALL SELECT NULL, CAST(:lane AS UUID), NULL, key FROM heads WHERE nth = :limit
"""


async def due_of_lane(tx: AnyConnection, *, lane: UUID, limit: int, start: str | None = None) -> Due:
    """Find what a lane may send first, by `deliveries_due_idx`; where it keeps an order, by `deliveries_order_idx`.

    Of a paused one nothing is returned; of one with an order the heads of `limit` keys are looked at, from `start`.
    """
    return Due.of(await fetch_all(tx, Found, _DUE, lane=lane, limit=limit, start=start))


async def next_in_order(tx: AnyConnection, *, ended: Sequence[UUID]) -> tuple[Queued, ...]:
    """Return what follows deliveries that have ended and is due, by `deliveries_order_idx`."""
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
