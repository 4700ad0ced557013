"""How an endpoint is: from rollups, whatever the log holds."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.answers import single
from api.bodies import StrictRoute
from api.deps import Transaction, parse_id
from api.schemas.endpoint_stats import EndpointStatsOut
from core.journal.stats_queries import read_backlog, read_windows
from core.model import ids
from core.model.errors import NotFoundError
from core.model.ids import EndpointId
from core.registry.queries import read_endpoint

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])


@router.get("/v1/endpoints/{endpoint}/stats", response_model=EndpointStatsOut)
async def read_stats(
    endpoint: str,
    request: Request,
    tx: Annotated[Transaction, Depends(Transaction.of("endpoints:read"), scope="function")],
) -> Response:
    """Read an endpoint's success rate, latencies and attempts over an hour, a day and a week, and its backlog."""
    endpoint_id = EndpointId(parse_id(ids.ENDPOINT, endpoint, "endpoint"))
    if await read_endpoint(tx.connection, endpoint_id=endpoint_id) is None:
        raise NotFoundError("endpoint")
    windows = await read_windows(tx.connection, endpoint_id=endpoint_id)
    backlog = await read_backlog(tx.connection, endpoint_id=endpoint_id)
    shown = EndpointStatsOut.of(endpoint_id, windows, backlog)
    return single(request, shown.model_dump(mode="json", by_alias=True))
