"""Tasks: submit, poll, read the result."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.answers import listed, single, tagged
from api.bodies import StrictRoute
from api.deps import StateDep, SubmissionsDep, TenantCaller, Transaction, WatcherDep, paged, scoped
from api.errors import problem
from api.holdings import let_go_of_body
from api.idempotency import REPLAYED, KeyHeader, request_key
from api.listening import Listener
from api.looking import answer_of, hold_large, look, look_until_ended, parse_task_id, result_of
from api.paging import Page
from api.polling import task_poller
from api.preferences import Preferences, read_preferences
from api.schemas.fields import Problem, Timestamp
from api.schemas.tasks import PendingOut, Status, TaskOut, TaskPage
from api.submissions import SUBMISSION, SubmissionDep
from api.traces import TraceHeader
from core.intake.submit import TaskWish
from core.intake.submitted import Submitted
from core.journal.queries import TaskFilter, look_tasks
from core.journal.tasks import TaskRecord, task_document
from core.model import ids
from core.model.errors import GoneError, UnavailableError
from core.model.ids import TaskId
from core.model.states import TaskStatus
from core.model.trace_context import read_traceparent

POLL_AFTER: Final = {"Retry-After": "1"}

router = APIRouter(route_class=StrictRoute, tags=["tasks"])
Reader = Annotated[TenantCaller, Depends(task_poller)]
Writer = Annotated[TenantCaller, Depends(scoped("tasks:write"))]
Prefer = Annotated[str | None, Header(description="`respond-async`, `wait=N` (RFC 7240; N seconds, 60 at most).")]


@router.post(
    "/v1/tasks",
    status_code=HTTPStatus.SEE_OTHER,
    response_model=TaskOut,
    responses={
        200: {"model": TaskOut, "description": "It ended within the `wait` that was preferred."},
        202: {"model": TaskOut, "description": "Accepted, with `Prefer: respond-async`."},
    },
    openapi_extra=SUBMISSION,
)
async def submit_task(
    request: Request,
    caller: Writer,
    sent: SubmissionDep,
    state: StateDep,
    submissions: SubmissionsDep,
    watcher: WatcherDep,
    prefer: Prefer = None,
    traceparent: TraceHeader = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Submit a task: 303 to where it is polled. An answer means that it is recorded, and will end."""
    preferences = read_preferences(prefer)
    key = request_key(request, caller.tenant_id, idempotency_key, compared=sent.compared)
    wish = TaskWish(**dict(sent.body), written=sent.input, file=sent.file, traceparent=read_traceparent(traceparent))
    submitted = await submissions.submit(caller.tenant_id, wish, status=preferences.status, key=key)
    task = submitted.task
    del wish
    sent.let_go()
    let_go_of_body(request.scope)
    if preferences.wait and not task.ended:
        task = await look_until_ended(
            state, watcher, caller.tenant_id, task.id, seconds=preferences.wait, listener=Listener(request)
        )
    task = _shown(request, task, submitted.task)
    return answer_to_submit(submitted, preferences, await answer_of(state, task), ended=task.ended)


def _shown(request: Request, task: TaskRecord, submitted: TaskRecord) -> TaskRecord:
    """Return a task as it has ended; where there is no room for its result, as it was when nobody had waited."""
    try:
        hold_large(request, task, "task")
    except UnavailableError:
        if submitted.ended:
            raise
        return submitted
    return task


def answer_to_submit(submitted: Submitted, preferences: Preferences, document: bytes, *, ended: bool) -> Response:
    """Return 303 or 202 with the task and where it is polled; 200 if it was waited for and has ended."""
    headers = {"Location": f"/v1/tasks/{ids.encode(ids.TASK, submitted.task.id)}", **preferences.applied}
    status = HTTPStatus(submitted.status) if submitted.replayed else preferences.status
    if ended and preferences.wait:
        status = HTTPStatus.OK
    if submitted.replayed:
        headers |= REPLAYED
    if status is HTTPStatus.ACCEPTED:
        headers |= POLL_AFTER
    return Response(document, status, headers, media_type="application/json")


class TaskFilters:
    """The filters of the list, as query parameters; `metadata.KEY=VALUE` besides."""

    def __init__(
        self,
        request: Request,
        *,
        status: Annotated[Status | None, Query()] = None,
        type_: Annotated[str | None, Query(alias="type", max_length=128)] = None,
        created_after: Annotated[Timestamp | None, Query()] = None,
        created_before: Annotated[Timestamp | None, Query()] = None,
    ) -> None:
        prefix = "metadata."
        metadata = {k.removeprefix(prefix): v for k, v in request.query_params.items() if k.startswith(prefix)}
        self.wanted = TaskFilter(status, type_, created_after, created_before, metadata)


@router.get("/v1/tasks", operation_id="list_tasks", response_model=TaskPage)
async def list_all(
    request: Request,
    state: StateDep,
    tx: Annotated[Transaction, Depends(Transaction.of("tasks:read"), scope="function")],
    page: Annotated[Page, Depends(paged(ids.TASK))],
    filters: Annotated[TaskFilters, Depends()],
) -> Response:
    """List tasks, newest first; `metadata.KEY=VALUE`, any number of them, filters by what was sent as `metadata`.

    A page looks at 20,000 tasks at most: where few fit, it may hold fewer than `limit`, or none, and go on all the
    same. It ends once their inputs and results come to 8 MiB, too. The list ends where `next_cursor` is `null`.
    """
    before = None if page.before is None else TaskId(page.before)
    found = await look_tasks(tx.connection, wanted=filters.wanted, before=before, limit=page.limit + 1)
    return listed(request, page, found.rows, partial(_listed, base=state.settings.base_url), beyond=found.beyond)


@router.get(
    "/v1/tasks/{task}",
    response_model=TaskOut,
    responses={202: {"model": TaskOut, "description": "Under way; ask again after `Retry-After` seconds."}},
)
async def poll_task(
    task: str, request: Request, state: StateDep, watcher: WatcherDep, caller: Reader, prefer: Prefer = None
) -> Response:
    """Poll a task: 202 while it is under way, 200 once it has ended, well or badly."""
    preferences = read_preferences(prefer)
    task_id = parse_task_id(task)
    found = await look_until_ended(
        state, watcher, caller.tenant_id, task_id, seconds=preferences.wait or 0, listener=Listener(request)
    )
    hold_large(request, found, "task")
    document = await answer_of(state, found)
    if found.ended:
        return tagged(request, document, headers=preferences.applied)
    headers = preferences.applied | POLL_AFTER
    return tagged(request, document, status=HTTPStatus.ACCEPTED, headers=headers)


@router.get(
    "/v1/tasks/{task}/result",
    responses={
        200: {"description": "The bare result.", "content": {"application/json": {"schema": {}, "example": 0.25}}},
        202: {"model": PendingOut, "description": "There is no result yet."},
        410: {"model": Problem, "description": "It was revoked or erased, or its result is no longer kept."},
        500: {"model": Problem, "description": "It failed."},
    },
)
async def read_result(task: str, request: Request, state: StateDep, caller: Reader) -> Response:
    """Read the bare result."""
    found = await look(state, caller.tenant_id, parse_task_id(task))
    if found.ended and found.erased:
        raise GoneError("The task was deleted.")
    hold_large(request, found, "result")
    match TaskStatus(found.status):
        case TaskStatus.SUCCESS if (result := await result_of(state, found)) is not None:
            return tagged(request, result)
        case TaskStatus.FAILURE:
            return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "task-failed", found.error_detail or "It failed.")
        case TaskStatus.SUCCESS | TaskStatus.REVOKED:
            raise GoneError("The result is not kept any more.")
        case _:
            pending = {"detail": "Result not available yet"}
            return single(request, pending, status=HTTPStatus.ACCEPTED, headers=POLL_AFTER)


def _listed(task: TaskRecord, base: str) -> dict[str, object]:
    return task_document(task, result=task.result, base=base)
