"""A task as it happens: Server-Sent Events (WHATWG HTML, section 9.2) until its end."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from api.deps import StateDep, TenantCaller, WatcherDep
from api.holdings import holdings_of
from api.listening import BEAT, HEADERS, Listener
from api.looking import answer_of, look, parse_task_id
from api.pieces import LARGE
from api.polling import task_poller
from api.state import State
from api.watch import Watcher
from core.journal.tasks import TaskRecord
from core.model.errors import UnavailableError
from core.model.ids import TaskId, TenantId

router = APIRouter(tags=["tasks"])


@router.get(
    "/v1/tasks/{task}/stream",
    response_class=StreamingResponse,
    responses={200: {"description": "`status` and `progress` events.", "content": {"text/event-stream": {}}}},
)
async def stream_task(
    task: str,
    request: Request,
    state: StateDep,
    watcher: WatcherDep,
    caller: Annotated[TenantCaller, Depends(task_poller)],
    last_event_id: Annotated[str | None, Header(description="Resumes: what is known is not sent again.")] = None,
) -> StreamingResponse:
    """Follow a task: a `status` event for each state, a `progress` event for each step, until its end."""
    task_id = parse_task_id(task)
    await look(state, caller.tenant_id, task_id)  # 404 before the stream begins
    events = _events(request, state, watcher, caller.tenant_id, task_id, last_event_id)
    return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)


async def _events(
    request: Request, state: State, watcher: Watcher, tenant_id: TenantId, task_id: TaskId, known: str | None
) -> AsyncGenerator[bytes]:
    yield b"retry: 3000\n\n"
    listener = Listener(request)
    with watcher.watching(task_id) as watch:
        while True:
            task = await look(state, tenant_id, task_id)
            event, known = await _event(state, task, known)
            if event is not None:
                try:
                    with _held(request, event):
                        for part in event:
                            yield part
                except UnavailableError:  # whoever listens comes again
                    return
            if task.ended or watcher.stopping or await listener.listen(watch.wait) is None or watcher.stopping:
                return
            if event is None:
                yield BEAT


def _held(request: Request, event: Sequence[bytes]) -> AbstractContextManager[None]:
    """Hold a large event while it is sent; raise `UnavailableError` if there is no room."""
    longest = max(event, key=len)
    if len(longest) <= LARGE:
        return nullcontext()
    return holdings_of(request.app).sending(request.scope, len(longest), longest)


async def _event(state: State, task: TaskRecord, known: str | None) -> tuple[Sequence[bytes] | None, str]:
    """Return the task's present state as an event, unless the client has it; its ID is made from what it says."""
    data = await answer_of(state, task)
    said = hashlib.blake2b(data, digest_size=8).hexdigest()
    if said == known:
        return None, said
    name = "progress" if task.status == "PROGRESS" else "status"
    head = b"id: %b\nevent: %b\n" % (said.encode(), name.encode())
    if len(data) > LARGE and b"\n" not in data and b"\r" not in data:  # then it is shared as it is
        return (head + b"data: ", data, b"\n\n"), said
    lines = b"".join(b"data: %b\n" % line for line in data.splitlines())  # an input is shown as it was sent
    return (head + lines + b"\n",), said
