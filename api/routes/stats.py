"""How a tenant is: from rollups, whatever the log holds."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import single
from api.bodies import StrictRoute
from api.deps import Transaction
from api.schemas.stats import StatsOut
from core.journal.stats_queries import read_backlog
from core.journal.tenant_stats import TenantStats
from core.journal.tenant_stats_queries import read_event_rate, read_spans, read_tenant_backlog, read_troubled
from core.model import ids
from core.model.ids import EndpointId

_HOUR: Final = 3600
WINDOWS: Final = {"1h": (_HOUR, 300), "24h": (24 * _HOUR, _HOUR), "7d": (168 * _HOUR, _HOUR)}
"""Seconds that each window and each of its spans last."""

router = APIRouter(route_class=StrictRoute, tags=["dashboard"])
Reading = Annotated[Transaction, Depends(Transaction.of("deliveries:read"), scope="function")]


@router.get("/v1/stats", response_model=StatsOut, operation_id="read_tenant_stats")
async def read_tenant_stats(
    request: Request,
    tx: Reading,
    endpoint_id: Annotated[str | None, Query(description="Of this endpoint alone.")] = None,
    window: Annotated[Literal["1h", "24h", "7d"], Query(description="How far back.")] = "1h",
) -> Response:
    """Read the tenant's success rate, latencies and attempts over time, its backlog, and which endpoints fail.

    A key with an owner reads those of that owner. With `endpoint_id`, `failing` is empty.
    Spans are of five minutes in the window of an hour, else of an hour.
    """
    seconds, step = WINDOWS[window]
    lane = None if endpoint_id is None else lane_of(endpoint_id)
    whole = lane is None and tx.owner is None
    stats = TenantStats(
        name=window,
        step=step,
        spans=await read_spans(tx.connection, seconds=seconds, step=step, lane=lane),
        backlog=await (
            read_tenant_backlog(tx.connection) if lane is None else read_backlog(tx.connection, endpoint_id=lane)
        ),
        troubled=() if lane is not None else await read_troubled(tx.connection, seconds=seconds, step=step),
        events_per_minute=await read_event_rate(tx.connection) if whole else None,
    )
    return single(request, StatsOut.of(stats).model_dump(mode="json", by_alias=True))


def lane_of(text: str) -> EndpointId:
    """Read the ID of an endpoint; one that is malformed names nothing, of which nothing is counted."""
    try:
        return EndpointId(ids.decode(ids.ENDPOINT, text))
    except ids.InvalidIdError:
        return EndpointId(UUID(int=0))
