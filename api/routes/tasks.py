"""Tasks: submit, poll, read the result."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.answers import single, tagged
from api.bodies import StrictRoute
from api.deps import StateDep, SubmissionsDep, TenantCaller, Transaction, paged, parse_id, scoped
from api.errors import problem
from api.paging import Page
from api.schemas.fields import Problem
from api.schemas.tasks import PendingOut, Status, TaskIn, TaskOut, TaskPage, TaskTypeList, TaskTypeOut
from api.state import State
from core.intake.submit import TaskWish
from core.journal.queries import list_tasks, read_task
from core.journal.tasks import TaskRecord, task_document
from core.model import ids
from core.model.errors import GoneError, NotFoundError
from core.model.ids import TaskId
from core.model.states import TaskStatus
from core.registry.queries import list_task_types, read_task_type

POLL_AFTER: Final = {"Retry-After": "1"}

router = APIRouter(route_class=StrictRoute, tags=["tasks"])
Reading = Annotated[Transaction, Depends(Transaction.of("tasks:read"), scope="function")]


@router.post(
    "/v1/tasks",
    status_code=HTTPStatus.SEE_OTHER,
    response_model=TaskOut,
    responses={202: {"model": TaskOut, "description": "Accepted, with `Prefer: respond-async`."}},
)
async def submit_task(
    body: TaskIn,
    state: StateDep,
    submissions: SubmissionsDep,
    caller: Annotated[TenantCaller, Depends(scoped("tasks:write"))],
    prefer: Annotated[str | None, Header(description="`respond-async` (RFC 7240) asks for 202.")] = None,
    traceparent: Annotated[str | None, Header(description="W3C trace context.")] = None,
) -> Response:
    """Submit a task: 303 to where it is polled. An answer means that it is recorded, and will end."""
    wish = TaskWish(**dict(body), traceparent=traceparent)
    task = await submissions.submit(caller.tenant_id, wish)
    return _submitted(task, state.settings.base_url, respond_async="respond-async" in _preferences(prefer))


@router.get("/v1/tasks")
async def list_all(
    request: Request,
    response: Response,
    state: StateDep,
    tx: Reading,
    page: Annotated[Page, Depends(paged(ids.TASK))],
    status: Annotated[Status | None, Query()] = None,
    type_: Annotated[str | None, Query(alias="type", max_length=128)] = None,
) -> TaskPage:
    """List tasks, newest first."""
    before = None if page.before is None else TaskId(page.before)
    found = await list_tasks(tx.connection, before=before, limit=page.limit + 1, status=status, type_=type_)
    items, cursor = page.cut(found, request, response)
    return TaskPage(data=[_out(task, state.settings.base_url) for task in items], next_cursor=cursor)


@router.get(
    "/v1/tasks/{task}",
    response_model=TaskOut,
    responses={202: {"model": TaskOut, "description": "Under way; ask again after `Retry-After` seconds."}},
)
async def poll_task(task: str, request: Request, state: StateDep, tx: Reading) -> Response:
    """Poll a task: 202 while it is under way, 200 once it has ended, well or badly."""
    found = await _find(tx, task)
    document = task_document(found, result=await _result(state, found), base=state.settings.base_url)
    if found.ended:
        return single(request, document)
    return single(request, document, status=HTTPStatus.ACCEPTED, headers=POLL_AFTER)


@router.get(
    "/v1/tasks/{task}/result",
    responses={
        200: {"description": "The bare result.", "content": {"application/json": {"schema": {}}}},
        202: {"model": PendingOut, "description": "There is no result yet."},
        410: {"model": Problem, "description": "It was revoked, or its result is no longer kept."},
        500: {"model": Problem, "description": "It failed."},
    },
)
async def read_result(task: str, request: Request, state: StateDep, tx: Reading) -> Response:
    """Read the bare result."""
    found = await _find(tx, task)
    match TaskStatus(found.status):
        case TaskStatus.SUCCESS if (result := await _result(state, found)) is not None:
            return tagged(request, result)
        case TaskStatus.FAILURE:
            return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "task-failed", found.error_detail or "It failed.")
        case TaskStatus.SUCCESS | TaskStatus.REVOKED:
            raise GoneError("The result is not kept any more.")
        case _:
            pending = {"detail": "Result not available yet"}
            return single(request, pending, status=HTTPStatus.ACCEPTED, headers=POLL_AFTER)


@router.get("/v1/task-types")
async def list_types(tx: Reading) -> TaskTypeList:
    """List what the workers offer."""
    found = await list_task_types(tx.connection)
    return TaskTypeList(data=[TaskTypeOut.model_validate(one) for one in found])


@router.get("/v1/task-types/{name}")
async def read_type(name: str, tx: Reading) -> TaskTypeOut:
    """Read one task type."""
    found = await read_task_type(tx.connection, name=name)
    if found is None:
        raise NotFoundError("task type")
    return TaskTypeOut.model_validate(found)


async def _find(tx: Transaction, task: str) -> TaskRecord:
    found = await read_task(tx.connection, task_id=TaskId(parse_id(ids.TASK, task, "task")))
    if found is None:
        raise NotFoundError("task")
    return found


async def _result(state: State, task: TaskRecord) -> bytes | None:
    """Return the result from the record, or from Redis what was too large for it."""
    if task.result_is_elsewhere:
        return await state.results.get(task.id, task.run)
    return task.result


def _submitted(task: TaskRecord, base: str, *, respond_async: bool) -> Response:
    headers = {"Location": f"/v1/tasks/{ids.encode(ids.TASK, task.id)}", "Vary": "Prefer"}
    status = HTTPStatus.SEE_OTHER
    if respond_async:
        status = HTTPStatus.ACCEPTED
        headers |= {"Preference-Applied": "respond-async", **POLL_AFTER}
    body = msgspec.json.encode(task_document(task, result=task.result, base=base))
    return Response(body, status, headers, media_type="application/json")


def _preferences(prefer: str | None) -> set[str]:
    return {part.partition(";")[0].strip().lower() for part in (prefer or "").split(",")}


def _out(task: TaskRecord, base: str) -> TaskOut:
    document = task_document(task, result=task.result, base=base)
    return TaskOut.model_validate_json(msgspec.json.encode(document))
