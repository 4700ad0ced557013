"""What clients do to tasks that are there: cancel, erase, run again."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.intake import task_queries
from core.intake.accept import SentFile
from core.intake.dedupe import RequestKey
from core.intake.erase_queries import erase_payloads
from core.intake.submit import Submissions, TaskWish
from core.intake.submitted import Submitted, answered
from core.intake.telling import Teller
from core.journal.queries import read_task
from core.journal.tasks import TaskRecord
from core.model.errors import ConflictError, InvalidInputError, NotFoundError
from core.model.ids import TaskId, TenantId
from core.model.json_value import JsonValue
from core.model.queued import Queued
from core.model.sealing import KeyRing
from core.once import EVERY_TIME, Once
from core.progress import ProgressBoard
from core.registry.secrets import TASK_SIGNING
from core.registry.task_types import FILE_FIELD
from core.results import Results


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """What stands in an input in place of a file."""

    name: str
    size: int
    media_type: str


class Changes:
    """Changes tasks; each change commits before it returns."""

    def __init__(
        self, database: Database, teller: Teller, results: Results, board: ProgressBoard, ring: KeyRing
    ) -> None:
        self._database: Final = database
        self._teller: Final = teller
        self._results: Final = results
        self._board: Final = board
        self._ring: Final = ring

    async def cancel(self, tenant_id: TenantId, task_id: TaskId, once: Once = EVERY_TIME) -> TaskRecord:
        """Revoke a waiting task, ask a running one to end; raise `ConflictError` if it has ended."""
        try:
            task = await self._end(tenant_id, task_id, once)
        except ConflictError:
            await self._find(tenant_id, task_id)  # another tenant's task is not there, whatever its state
            raise
        if task is None:
            return await self._find(tenant_id, task_id)
        await self._board.changed(task_id)
        return task

    async def erase(self, tenant_id: TenantId, task_id: TaskId) -> None:
        """End a task if it has not, and erase its input, result, progress, markers and the payloads of its events."""
        async with self._database.engine() as tx:  # all in one: what would be told of its end is erased with it
            with suppress(ConflictError):
                await self._end_in(tx, tenant_id, task_id, publish=False)
            task = await task_queries.erase_task(tx, tenant_id=tenant_id, task_id=task_id)
            if task is None:
                raise NotFoundError("task")
            await task_queries.erase_markers(tx, tenant_id=tenant_id, task_id=task_id)
            await erase_payloads(tx, tenant_id=tenant_id, task_id=task_id)
        for run in range(1, task.run + 1):
            await self._results.erase(task_id, run)
            await self._board.erase(task_id, run)
        await self._board.changed(task_id)

    async def again(
        self,
        tenant_id: TenantId,
        task_id: TaskId,
        submissions: Submissions,
        *,
        status: int = HTTPStatus.SEE_OTHER,
        key: RequestKey | None = None,
        traceparent: str | None = None,
    ) -> Submitted:
        """Run an ended task again as a new one that names it; raise `ConflictError` if it has not ended or cannot.

        `key` and `status` are those of `Submissions.submit`. It stays in its trace, unless there is another.
        """
        if replayed := await answered(self._database, key):
            return replayed
        async with self._database.tenant(tenant_id) as tx:
            task = await read_task(tx, task_id=task_id)
            content = await task_queries.read_content(tx, task_id=task_id)
            sealed = await task_queries.read_sealed_secret(tx, task_id=task_id)
        if task is None:
            raise NotFoundError("task")
        file, written = _sent_with(_kept_input(task), content)
        values: dict[str, JsonValue] = msgspec.json.decode(written)
        wish = TaskWish(
            type=task.type,
            input=values,
            written=written,
            file=file,
            webhook_url=task.webhook_url,
            webhook_secret=None if sealed is None else self._opened(sealed, tenant_id, task_id),
            metadata=task.metadata,
            retry_of=task.id,
            traceparent=traceparent or task.trace,
        )
        with _as_conflict():
            return await submissions.submit(tenant_id, wish, status=status, key=key)

    async def _end(self, tenant_id: TenantId, task_id: TaskId, once: Once = EVERY_TIME) -> TaskRecord | None:
        """End a task, or ask it to; `None` for a replay. Raises `ConflictError` if it is not under way."""
        publish = self._teller.publisher.ready
        async with self._database.engine() as tx:
            if await once.take(tx, task_id):
                return None
            task, queued = await self._end_in(tx, tenant_id, task_id, publish=publish)
        if publish:
            self._teller.publisher.deliveries(queued)
        return task

    async def _end_in(
        self, tx: AsyncConnection, tenant_id: TenantId, task_id: TaskId, *, publish: bool
    ) -> tuple[TaskRecord, Sequence[Queued]]:
        """Revoke a waiting task and tell of it, or ask a running one to end; return what is to be published then.

        One that ran, and was to run again before it was asked to end, waits once more.
        """
        for _ in range(2):
            task = await task_queries.cancel_waiting(tx, tenant_id=tenant_id, task_id=task_id)
            if task is not None:
                return task, await self._teller.tell(tx, task, publish=publish)
            task = await task_queries.ask_to_end(tx, tenant_id=tenant_id, task_id=task_id)
            if task is not None:
                return task, ()
        raise ConflictError("The task has ended.")

    async def _find(self, tenant_id: TenantId, task_id: TaskId) -> TaskRecord:
        async with self._database.tenant(tenant_id) as tx:
            task = await read_task(tx, task_id=task_id)
        if task is None:
            raise NotFoundError("task")
        return task

    def _opened(self, sealed: bytes, tenant_id: TenantId, task_id: TaskId) -> str:
        return self._ring.open(sealed, tenant=tenant_id, row=task_id, column=TASK_SIGNING).decode()


@contextmanager
def _as_conflict() -> Generator[None]:
    """Raise `ConflictError` for what was right when the task was new: a request without a body has no wrong input."""
    try:
        yield
    except InvalidInputError as error:
        raise ConflictError(f"The task cannot run again: {error.errors[0].detail}") from None


def _kept_input(task: TaskRecord) -> bytes:
    """Return the input of an ended task; raise `ConflictError` if it has not ended, or was erased."""
    if not task.ended:
        raise ConflictError("The task has not ended.")
    if task.input is None:
        raise ConflictError("The task's input was erased.")
    return task.input


def _sent_with(written: bytes, content: bytes | None) -> tuple[SentFile | None, bytes]:
    """Return the file of a task, and its input without what described it.

    A task without one may have content, too, which it cut into parts, and a `file` that is a value like any other.
    """
    values = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
    if content is None or FILE_FIELD not in values:
        return None, written
    try:
        described = msgspec.json.decode(values.pop(FILE_FIELD), type=_Described)
    except msgspec.ValidationError:
        return None, written
    return SentFile(described.name, described.media_type, content), msgspec.json.encode(values)
