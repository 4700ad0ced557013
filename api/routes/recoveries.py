"""Recover an endpoint: reopen what it has missed."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.bodies import StrictRoute
from api.deps import NamedEndpoint, StateDep, TenantCaller, Transaction, parse_id, scoped
from api.idempotency import KeyHeader, request_key
from api.looking import answer_of
from api.polling import STARTING, RecoveriesDep
from api.preferences import read_preferences
from api.routes.tasks import answer_to_submit
from api.schemas.fields import Problem, Timestamp
from api.schemas.recoveries import MissedOut, RecoveryIn
from api.schemas.tasks import TaskOut
from api.traces import TraceHeader
from core.intake.recover import Window
from core.intake.reopen_queries import read_target
from core.journal.missed_queries import count_recoverable
from core.model import ids
from core.model.errors import NotFoundError
from core.model.ids import EndpointId
from core.model.trace_context import read_traceparent

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])
ANSWERS = {
    202: {"model": TaskOut, "description": "Accepted, with `Prefer: respond-async`."},
    409: {"model": Problem, "description": "The endpoint is disabled or deleted."},
}


@router.post(
    "/v1/endpoints/{endpoint}/recover",
    status_code=HTTPStatus.SEE_OTHER,
    response_model=TaskOut,
    responses={**ANSWERS},
)
async def recover_endpoint(
    endpoint: str,
    body: RecoveryIn,
    request: Request,
    state: StateDep,
    recoveries: RecoveriesDep,
    caller: Annotated[TenantCaller, Depends(scoped(STARTING, owners=True))],
    prefer: Annotated[str | None, Header(description="`respond-async` (RFC 7240).")] = None,
    traceparent: TraceHeader = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Reopen every delivery made in a window that is `exhausted`, or `cancelled` as its endpoint was disabled.

    303 to a task, which this key may poll: `progress.current` and the result's `reopened` count deliveries. They are
    sent in their old order, each with its schedule from the start. A second recover of the same window finds nothing.
    """
    window = Window(EndpointId(parse_id(ids.ENDPOINT, endpoint, "endpoint")), body.since, body.until, body.event_types)
    compared = body.model_dump_json().encode()
    key = request_key(request, caller.tenant_id, idempotency_key, compared=compared, owner=caller.owner)
    preferences, trace = read_preferences(prefer, may_wait=False), read_traceparent(traceparent)
    started = await recoveries.start(
        caller.tenant_id, caller.owner, window, status=preferences.status, key=key, traceparent=trace
    )
    return answer_to_submit(started, preferences, await answer_of(state, started.task), ended=False)


@router.get("/v1/endpoints/{endpoint}/recover")
async def preview_recover(
    endpoint: NamedEndpoint,
    tx: Annotated[Transaction, Depends(Transaction.of("deliveries:read"), scope="function")],
    since: Annotated[Timestamp | None, Query(description="Made from then on.")] = None,
    until: Annotated[Timestamp | None, Query(description="Made before then.")] = None,
) -> MissedOut:
    """Count what a recover of this window would reopen; changes nothing."""
    target = await read_target(tx.connection, endpoint_id=endpoint)
    if target is None or target.deleted:
        raise NotFoundError("endpoint")
    count = await count_recoverable(tx.connection, endpoint_id=endpoint, since=since, until=until)
    return MissedOut(count=count)
