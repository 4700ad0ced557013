"""Looking at one task: its record from Postgres, its progress and a large result from Redis.

Whoever looks at the same thing at the same time shares the read: see `core.flights`.
"""

from contextlib import suppress
from functools import partial
from typing import Final

import msgspec
from fastapi import Request

from api.deps import parse_id
from api.holdings import holdings_of
from api.listening import Listener
from api.pieces import LARGE
from api.state import State
from api.watch import Watcher
from core import clock
from core.journal.queries import read_task
from core.journal.tasks import TaskRecord, task_document
from core.model import ids
from core.model.errors import NotFoundError, UnavailableError
from core.model.ids import TaskId, TenantId
from core.model.states import RUNNING_TASK, TaskStatus

LOOK_AGAIN: Final = 15.0
"""Seconds after which one who waits looks again although nobody rang."""


def parse_task_id(text: str) -> TaskId:
    """Read a task's ID out of a path."""
    return TaskId(parse_id(ids.TASK, text, "task"))


async def look(state: State, tenant_id: TenantId, task_id: TaskId) -> TaskRecord:
    """Read a task in a transaction of its own; raise `NotFoundError` if the tenant has none such."""
    found = await state.task_reads.share((tenant_id, task_id), partial(_read, state, tenant_id, task_id))
    if found is None:
        raise NotFoundError("task")
    return found


async def _read(state: State, tenant_id: TenantId, task_id: TaskId) -> TaskRecord | None:
    async with state.database.tenant(tenant_id) as tx:
        return await read_task(tx, task_id=task_id)


async def look_until_ended(
    state: State, watcher: Watcher, tenant_id: TenantId, task_id: TaskId, *, seconds: float, listener: Listener
) -> TaskRecord:
    """Read a task, and if it has not ended wait for that, `seconds` at most, without a connection or a thread.

    Who would not be let in any more meanwhile is told that instead: raises what it is refused with.
    """
    deadline = clock.monotonic() + seconds
    with watcher.watching(task_id) as watch:
        found = await look(state, tenant_id, task_id)
        while not (found.ended or watcher.stopping) and (left := deadline - clock.monotonic()) > 0:
            await watch.wait(min(left, LOOK_AGAIN))
            if watcher.stopping:  # all who wait at once: what they know has to do
                break
            await listener.check()
            found = await look(state, tenant_id, task_id)
    return found


def hold_large(request: Request, task: TaskRecord, form: str) -> None:
    """Hold an answer with a task's result before that is read, if it is large; those who get the same share it.

    Raises `UnavailableError` if there is no room.
    """
    if task.result_size is not None and task.result_size > LARGE:
        holdings_of(request.app).hold_answer(request.scope, task.result_size, (form, *_version(task)))


async def answer_of(state: State, task: TaskRecord) -> bytes:
    """Return the task as `GET` shows it in JSON; those who ask for a large one at a time get the same bytes."""
    if task.result_size is None or task.result_size <= LARGE:
        return await _encoded(state, task)
    return await state.large_answers.share(_version(task), partial(_encoded, state, task))


def _version(task: TaskRecord) -> tuple[TaskId, int, bool]:
    """Return what stands for all that is shown of a task with a result: nothing of it changes but by an erasure."""
    return task.id, task.run, task.erased


async def _encoded(state: State, task: TaskRecord) -> bytes:
    return msgspec.json.encode(await document_of(state, task))


async def document_of(state: State, task: TaskRecord) -> dict[str, object]:
    """Return the task as `GET` shows it: with the progress of the run that is under way, whatever Redis does."""
    result = None
    with suppress(UnavailableError):
        result = await result_of(state, task)
    progress = await _progress_of(state, task)  # never both ask Redis
    document = task_document(task, result=result, base=state.settings.base_url)
    return document if progress is None else document | {"progress": progress}


async def result_of(state: State, task: TaskRecord) -> bytes | None:
    """Return the result from the record, or from Redis what was too large for it.

    Raises `UnavailableError` if that has to be asked and is away.
    """
    if task.result_is_elsewhere:
        return await state.result_reads.share((task.id, task.run), partial(state.results.get, task.id, task.run))
    return task.result


async def _progress_of(state: State, task: TaskRecord) -> dict[str, object] | None:
    if task.erased or TaskStatus(task.status) not in RUNNING_TASK:
        return None
    found = await state.progress_reads.share((task.id, task.run), partial(state.board.get, task.id, task.run))
    return None if found is None else found.document()
