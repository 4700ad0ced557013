"""Check an endpoint: whether its receiver takes what it has to, and refuses what it has to."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from api.bodies import StrictRoute
from api.deps import NamedEndpoint, StateDep, TenantCaller, scoped
from api.idempotency import KeyHeader, request_key
from api.looking import answer_of
from api.polling import STARTING
from api.preferences import read_preferences
from api.routes.tasks import answer_to_submit
from api.schemas.fields import Problem
from api.schemas.tasks import TaskOut
from api.traces import TraceHeader
from core.intake.check import Checks
from core.model.trace_context import read_traceparent

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])
ANSWERS = {
    202: {"model": TaskOut, "description": "Accepted, with `Prefer: respond-async`."},
    409: {"model": Problem, "description": "The endpoint is pulled from."},
}


async def get_checks(request: Request) -> Checks:
    """Return what starts checks."""
    checks: object = request.app.state.checks
    assert isinstance(checks, Checks)
    return checks


@router.post(
    "/v1/endpoints/{endpoint}/check",
    status_code=HTTPStatus.SEE_OTHER,
    response_model=TaskOut,
    responses={**ANSWERS},
)
async def check_endpoint(
    endpoint: NamedEndpoint,
    request: Request,
    state: StateDep,
    checks: Annotated[Checks, Depends(get_checks)],
    caller: Annotated[TenantCaller, Depends(scoped(STARTING, owners=True))],
    prefer: Annotated[str | None, Header(description="`respond-async` (RFC 7240).")] = None,
    traceparent: TraceHeader = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Try whether a receiver takes good messages and refuses bad ones, by eleven of type `ringback.test`.

    303 to a task, which this key may poll. Its result is `{passed, trials}`; each trial says what was sent, what was
    expected, what was answered, and how to mend it. The endpoint's own headers are not sent. After a message that gets
    no answer in time, or a first one that gets none at all, the others are not sent: their `error` is `not_sent`.
    While a check of the endpoint has not ended, that one is the answer.
    """
    key = request_key(request, caller.tenant_id, idempotency_key, compared=b"", owner=caller.owner)
    preferences, trace = read_preferences(prefer, may_wait=False), read_traceparent(traceparent)
    started = await checks.start(
        caller.tenant_id, caller.owner, endpoint, status=preferences.status, key=key, traceparent=trace
    )
    return answer_to_submit(started, preferences, await answer_of(state, started.task), ended=False)
