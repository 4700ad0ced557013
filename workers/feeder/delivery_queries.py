"""The feeder's statement that takes deliveries which are due, in the engine's role."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.database import AnyConnection, fetch_all
from core.intake.accept import PUBLISHED_FOR
from core.journal.order_queries import on_the_wire
from core.lease.lane_queries import Due, Found, heads_of
from workers.feeder.walk import FROM_THE_BEGINNING, Walk

FEW: Final = 10
"""Rows of a lane that are published at once: the rest is fetched by whoever sends the first of them."""
AGAIN: Final = 2
"""Seconds after which a published head is brought again: it may have been refused before it became one."""

_ASKED: Final = "trigger IN ('resend', 'test') AND due_at IS NOT NULL"

# A loose scan over deliveries_due_idx finds the lanes in which anything waits, and counts them: who looks at many
# should look less often. A look goes through so many of them, and the next one goes on after the last: a tenant may
# make millions, and a statement that walks them all runs out of time, for everybody and for ever.
# Of each lane in which something is due, the first 2 x cap due rows are looked at, so that a backlog of a million costs
# what a backlog of two caps costs. A few of them are published, which tells that there are more: a row that a deliverer
# fetches by itself is spared a write. Of a lane that keeps an order the heads of as many keys are, by
# deliveries_turns_idx.
# What was asked for goes past pause and order, and stands before the others. A loose scan over deliveries_asked_idx
# finds its lanes, as many at a time; of each the first 2 x cap are looked at too, as one may ask for thousands. With a
# condition on due_at in there, a plan by deliveries_due_idx might read all that waits; what was asked for is due.
# What is pulled from is left to those who pull: a step for each such lane.
# What is published is left alone for a while, but not what a claim may have refused since: a head is brought again
# after `again`, and what was published before its endpoint changed at once.
_TAKE_DELIVERIES: Final = f"""
WITH RECURSIVE lanes AS (
    (SELECT lane, due_at, 1 AS nth FROM deliveries WHERE due_at IS NOT NULL AND lane > CAST(:after AS UUID)
     ORDER BY lane, due_at LIMIT 1)
    UNION ALL
    SELECT n.lane, n.due_at, l.nth + 1 FROM lanes l CROSS JOIN LATERAL (
        SELECT d.lane, d.due_at FROM deliveries d WHERE d.due_at IS NOT NULL AND d.lane > l.lane
        ORDER BY d.lane, d.due_at LIMIT 1) n WHERE l.nth < CAST(:walk AS INTEGER)
), asked_lanes AS (
    (SELECT lane, 1 AS nth FROM deliveries WHERE {_ASKED} AND lane > CAST(:asked_after AS UUID) ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT n.lane, l.nth + 1 FROM asked_lanes l CROSS JOIN LATERAL (
        SELECT d.lane FROM deliveries d WHERE {_ASKED} AND d.lane > l.lane ORDER BY d.lane LIMIT 1) n
    WHERE l.nth < CAST(:walk AS INTEGER)
), open AS MATERIALIZED (
    SELECT l.lane, coalesce(e.ordering = 'fifo', false) AS ordered,
           coalesce(h.room, 2 * coalesce(e.max_in_flight, :cap)) AS share,
           greatest(now(), e.updated_at + CAST(:published AS INTERVAL),
                    CASE WHEN h.room IS NOT NULL THEN now() + CAST(:again AS INTERVAL) END) AS stale
    FROM lanes l LEFT JOIN endpoints e ON e.id = l.lane
    LEFT JOIN unnest(CAST(:held AS UUID[]), CAST(:rooms AS INTEGER[])) h(lane, room) ON h.lane = l.lane
    WHERE l.due_at <= now() AND e.status IS DISTINCT FROM 'paused' AND h.room IS DISTINCT FROM 0
      AND e.mode IS DISTINCT FROM 'pull'
), looked AS MATERIALIZED (
    SELECT o.lane, o.share, greatest(o.stale, now() + CAST(:again AS INTERVAL)) AS stale, h.*
    FROM open o LEFT JOIN unnest(CAST(:lanes AS UUID[]), CAST(:starts AS TEXT[])) s(lane, start) ON s.lane = o.lane
    CROSS JOIN LATERAL ({heads_of("o.lane", "s.start", "o.share")}) h WHERE o.ordered
), head AS (
    SELECT h.id, o.lane, h.tenant_id, row_number() OVER (PARTITION BY o.lane ORDER BY h.due_at, h.id) AS place, o.stale,
           count(*) OVER (PARTITION BY o.lane) > :few AS more
    FROM open o CROSS JOIN LATERAL (
        SELECT id, tenant_id, due_at, lease_until, published_until FROM deliveries d
        WHERE d.lane = o.lane AND d.due_at <= now() ORDER BY d.due_at LIMIT o.share) h
    WHERE NOT o.ordered AND h.lease_until IS NULL AND (h.published_until IS NULL OR h.published_until < o.stale)
    UNION ALL
    SELECT h.id, h.lane, h.tenant_id, row_number() OVER (PARTITION BY h.lane ORDER BY h.due_at, h.id), h.stale,
           NULL
    FROM looked h
    LEFT JOIN ({on_the_wire("SELECT lane FROM open WHERE ordered")}) b ON b.lane = h.lane AND b.key = h.key
    WHERE h.due_at <= now() AND (h.published_until IS NULL OR h.published_until < h.stale)
      AND coalesce(b.sequence > h.sequence, true)
    UNION ALL
    SELECT h.id, l.lane, h.tenant_id,
           least(row_number() OVER (PARTITION BY l.lane ORDER BY h.due_at, h.id) - CAST(:limit AS INTEGER), 0),
           now(), NULL
    FROM asked_lanes l LEFT JOIN endpoints e ON e.id = l.lane CROSS JOIN LATERAL (
        SELECT id, tenant_id, due_at, lease_until, published_until FROM deliveries d
        WHERE d.lane = l.lane AND {_ASKED} LIMIT 2 * coalesce(e.max_in_flight, :cap)) h
    WHERE e.mode IS DISTINCT FROM 'pull' AND h.due_at <= now() AND h.lease_until IS NULL
      AND (h.published_until IS NULL OR h.published_until < now())
), turns AS (
    SELECT id, max(stale) AS stale, bool_or(more) AS more,
           row_number() OVER (PARTITION BY tenant_id ORDER BY min(place), lane) AS turn
    FROM head WHERE place <= :few OR more IS NULL GROUP BY id, tenant_id, lane ORDER BY turn LIMIT :limit
), taken AS (
    SELECT d.id, t.turn, coalesce(t.more, false) AS more FROM deliveries d JOIN turns t ON t.id = d.id
    WHERE d.lease_until IS NULL AND d.due_at <= now()
      AND (d.published_until IS NULL OR d.published_until < t.stale) FOR UPDATE OF d SKIP LOCKED
), published AS (
    UPDATE deliveries d SET published_until = now() + CAST(:published AS INTERVAL) FROM taken t WHERE d.id = t.id
    RETURNING d.id, d.lane, d.tenant_id, d.trigger IN ('resend', 'test') AS asked, t.more, t.turn
)
SELECT id AS delivery_id, lane, tenant_id, NULL AS key, asked, more, turn FROM published
UNION ALL SELECT NULL, lane, NULL, key, false, false, 0 FROM looked WHERE nth = share
UNION ALL SELECT NULL, (SELECT lane FROM lanes WHERE nth = :walk), NULL, NULL, false, false,
                 CAST(count(*) AS INTEGER) FROM lanes
UNION ALL SELECT NULL, (SELECT lane FROM asked_lanes WHERE nth = :walk), NULL, NULL, true, false,
                 CAST(count(*) AS INTEGER) FROM asked_lanes
ORDER BY turn
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """See `Found`; two rows are of a walk: the lane after which the next one begins, `turn` how many there were."""

    delivery_id: UUID | None
    lane: UUID | None
    tenant_id: UUID | None
    key: str | None
    asked: bool
    more: bool
    turn: int

    @property
    def is_walk(self) -> bool:
        return self.delivery_id is None and self.key is None


async def take_due_deliveries(
    tx: AnyConnection,
    *,
    limit: int,
    default_cap: int,
    starts: Mapping[UUID, str] | None = None,
    rooms: Mapping[UUID, int] | None = None,
    walk: Walk = FROM_THE_BEGINNING,
) -> Due:
    """Take what is due and stands in no window: tenants in turn, lanes in turn, each up to its room.

    `starts` is what the last look returned of lanes with many ordering keys; `rooms` names the lanes that are held,
    with how many of each may go. Of the lanes those of the `walk` are looked at.
    """
    known, held = starts or {}, rooms or {}
    values: dict[str, object] = {
        "limit": limit,
        "cap": default_cap,
        "few": FEW,
        "published": timedelta(seconds=PUBLISHED_FOR),
        "again": timedelta(seconds=PUBLISHED_FOR - AGAIN),
        "lanes": list(known),
        "starts": list(known.values()),
        "held": list(held),
        "rooms": list(held.values()),
        "walk": walk.lanes,
        "after": walk.after,
        "asked_after": walk.asked_after,
    }
    rows = await fetch_all(tx, _Row, _TAKE_DELIVERIES, **values)
    found = [
        Found(row.delivery_id, row.lane, row.tenant_id, row.key, row.asked, row.more)
        for row in rows
        if row.lane is not None and not row.is_walk
    ]
    walked = [row for row in rows if row.is_walk]
    (last,), (last_asked,) = [[row.lane for row in walked if row.asked is asked] for asked in (False, True)]
    due, lanes = Due.of(found), sum(row.turn for row in walked)
    kept = walk.unseen(known, last) | due.starts
    return replace(due, starts=kept, lanes=lanes, last=last, last_asked=last_asked)
