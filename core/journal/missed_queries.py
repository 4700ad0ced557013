"""What an endpoint has missed, counted in the tenant's role."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_one
from core.journal.retention_queries import KEPT_FROM
from core.model.ids import EndpointId
from core.model.tables import RECOVERABLE

MISSED_LIMIT: Final = 10_000
"""What was missed is counted up to here."""


@dataclass(frozen=True, slots=True)
class _Count:
    count: int


async def count_recoverable(
    tx: AsyncConnection, *, endpoint_id: EndpointId, since: datetime | None, until: datetime | None
) -> int:
    """Count what a recover of this window would reopen, up to `MISSED_LIMIT`, by `deliveries_recoverable_idx`."""
    given = {
        "since": "d.id >= ringback_floor(CAST(:since AS TIMESTAMPTZ) - INTERVAL '1 min') AND d.created_at >= :since",
        "until": "d.id <= ringback_floor(CAST(:until AS TIMESTAMPTZ) + INTERVAL '1 min') AND d.created_at < :until",
    }
    values = {name: value for name, value in (("since", since), ("until", until)) if value is not None}
    sql = f"""
    SELECT count(*)::INTEGER AS count FROM (
        SELECT FROM deliveries d WHERE d.endpoint_id = :endpoint_id AND ({RECOVERABLE})
            AND d.tenant_id = ringback_tenant_id() AND d.id >= {KEPT_FROM}
            {"".join(f" AND {given[name]}" for name in values)} LIMIT {MISSED_LIMIT}) m
    """
    found = await fetch_one(tx, _Count, sql, endpoint_id=endpoint_id, **values)
    return 0 if found is None else found.count
