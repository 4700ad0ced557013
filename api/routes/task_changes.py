"""What clients do to tasks that are there: cancel, run again, erase."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from api.bodies import StrictRoute
from api.deps import ChangesDep, StateDep, SubmissionsDep, TenantCaller, scoped
from api.idempotency import KeyHeader, OnceDep, request_key
from api.looking import answer_of, parse_task_id
from api.preferences import read_preferences
from api.routes.tasks import POLL_AFTER, answer_to_submit
from api.schemas.fields import Problem
from api.schemas.tasks import TaskOut
from api.traces import TraceHeader
from core.model.trace_context import read_traceparent

router = APIRouter(route_class=StrictRoute, tags=["tasks"])
Writer = Annotated[TenantCaller, Depends(scoped("tasks:write"))]
ENDED = {409: {"model": Problem, "description": "Its state forbids it."}}


@router.post("/v1/tasks/{task}/cancel", status_code=HTTPStatus.ACCEPTED, response_model=TaskOut, responses={**ENDED})
async def cancel_task(task: str, state: StateDep, changes: ChangesDep, caller: Writer, once: OnceDep) -> Response:
    """Cancel a task: one that waits never runs, one that runs ends within two seconds. 409 if it has ended."""
    found = await changes.cancel(caller.tenant_id, parse_task_id(task), once)
    body = await answer_of(state, found)
    return Response(body, HTTPStatus.ACCEPTED, POLL_AFTER, media_type="application/json")


@router.post(
    "/v1/tasks/{task}/retry",
    status_code=HTTPStatus.SEE_OTHER,
    response_model=TaskOut,
    responses={202: {"model": TaskOut, "description": "Accepted, with `Prefer: respond-async`."}, **ENDED},
)
async def retry_task(
    request: Request,
    task: str,
    state: StateDep,
    changes: ChangesDep,
    submissions: SubmissionsDep,
    caller: Writer,
    prefer: Annotated[str | None, Header(description="`respond-async` (RFC 7240).")] = None,
    traceparent: TraceHeader = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Run an ended task again, as a new task that names it in `retry_of`. 409 if it has not ended."""
    preferences = read_preferences(prefer, may_wait=False)
    key = request_key(request, caller.tenant_id, idempotency_key, compared=await request.body())
    status = preferences.status
    trace = read_traceparent(traceparent)
    again = await changes.again(
        caller.tenant_id, parse_task_id(task), submissions, status=status, key=key, traceparent=trace
    )
    return answer_to_submit(again, preferences, await answer_of(state, again.task), ended=False)


@router.delete("/v1/tasks/{task}", status_code=HTTPStatus.NO_CONTENT)
async def erase_task(task: str, changes: ChangesDep, caller: Writer) -> None:
    """Erase a task: end it if it has not, then its input, result, progress and the payloads of its events."""
    await changes.erase(caller.tenant_id, parse_task_id(task))
