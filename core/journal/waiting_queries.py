"""The statement that tells what stands in front of deliveries that are due; in the engine's role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all
from core.journal.order_queries import first_of, on_the_wire
from core.model.ids import DeliveryId

_BEHIND: Final = f"""
WITH wanted AS (
    SELECT w.id, w.lane, w.trigger IN ('resend', 'test') AS asked, w.sequence,
           coalesce(w.ordering_key, '') AS key, e.rate_limit,
           e.ordering = 'fifo' AS ordered, coalesce(e.max_in_flight, :cap) AS cap
    FROM deliveries w LEFT JOIN endpoints e ON e.id = w.endpoint_id WHERE w.id = ANY(CAST(:ids AS UUID[]))
), lanes AS (
    SELECT l.lane, (SELECT count(*) FROM (
        SELECT FROM leases x WHERE x.lane = l.lane LIMIT l.cap) live) >= l.cap AS full
    FROM (SELECT DISTINCT lane, cap FROM wanted) l
)
SELECT w.id, w.lane, w.rate_limit, w.asked, l.full,
       CASE WHEN w.ordered AND NOT w.asked THEN coalesce(b.sequence < w.sequence, false) OR w.id <> (
           SELECT d.id FROM deliveries d WHERE {first_of("w.lane", "w.key")}) ELSE false END AS behind
FROM wanted w JOIN lanes l ON l.lane = w.lane
LEFT JOIN ({on_the_wire("SELECT lane FROM wanted WHERE ordered")}) b ON b.lane = w.lane AND b.key = w.key
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands in front of a delivery: others of its order (`behind`), or all that its lane may send at once."""

    id: DeliveryId
    lane: UUID
    rate_limit: int | None
    asked: bool
    full: bool
    behind: bool


async def read_behind(tx: AsyncConnection, *, ids: Sequence[UUID], default_cap: int) -> tuple[Behind, ...]:
    """Tell what stands in front of these, by `deliveries_turns_idx` and `leases_pkey`."""
    return await fetch_all(tx, Behind, _BEHIND, ids=list(ids), cap=default_cap)
