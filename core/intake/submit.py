"""Submit a task: its row is the promise; the message that follows is only a hint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import dedupe, queries
from core.intake.accept import TASKS_PER_TENANT, NewTask, SentFile
from core.intake.dedupe import Kept, RequestKey
from core.journal.queries import read_task
from core.journal.tasks import TaskRecord
from core.model.errors import FieldError, GoneError, InvalidInputError, LimitReachedError, NotFoundError
from core.model.ids import TaskId, TenantId, new_uuid7
from core.model.json_value import JsonValue
from core.model.queued import QueuedTask
from core.model.sealing import KeyRing
from core.model.signature import format_secret
from core.registry.callbacks import Callbacks
from core.registry.queries import read_task_type
from core.registry.register import signing_key
from core.registry.secrets import TASK_SIGNING
from core.registry.task_types import FILE_FIELD, TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWish:
    """A task as a client asks for it, not checked yet; `delay` and `expires_in` are seconds."""

    type: str
    input: Mapping[str, JsonValue]
    webhook_url: str | None = None
    webhook_secret: str | None = None
    metadata: Mapping[str, str]
    file: SentFile | None = None
    unique_key: str | None = None
    delay: int = 0
    expires_in: int | None = None
    retry_of: TaskId | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A task that was made, or found: `publish` if a message is to follow, `replayed` if it was answered before."""

    task: TaskRecord
    made: bool
    publish: bool = False
    replayed: bool = False
    status: int = 0


class Submissions:
    """Takes tasks in: checked, committed, then published."""

    def __init__(self, database: Database, publisher: Publisher, ring: KeyRing, callbacks: Callbacks) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._ring: Final = ring
        self._callbacks: Final = callbacks

    async def submit(
        self, tenant_id: TenantId, wish: TaskWish, *, status: int, key: RequestKey | None = None
    ) -> Submitted:
        """Record a task and return it once it is committed; a key or a unique key gives back the one that is there.

        `status` is what the answer will be, kept with the key. Raises `InvalidInputError` for an unknown type, an
        input that does not fit it or a URL that is not allowed, `LimitReachedError` if as many tasks wait as the
        tenant may have, `KeyReusedError` and `ConflictError` for a key that is another request's.
        """
        url = wish.webhook_url
        if url is not None:
            url = await self._callbacks.check(url, pointer="/webhook_url", tenant_id=tenant_id)
        publish = self._publisher.ready and not wish.delay
        async with self._database.tenant(tenant_id) as tx:
            kept = None if key is None else await dedupe.claim(tx, key)
            if kept is not None:
                return await self._replay(tx, kept)
            submitted = await self._record(tx, tenant_id, wish, url, publish=publish)
            if key is not None:
                await dedupe.fill(tx, key, Kept(submitted.task.id, status))
        if submitted.publish:
            task = submitted.task
            self._publisher.task(QueuedTask(task.id, task.type, task.queue))
        return submitted

    async def _replay(self, tx: AsyncConnection, kept: Kept) -> Submitted:
        task = await read_task(tx, task_id=TaskId(kept.made))
        if task is None:
            raise GoneError("What was made for this Idempotency-Key is past its retention.")
        return Submitted(task, made=False, replayed=True, status=kept.status)

    async def _record(
        self, tx: AsyncConnection, tenant_id: TenantId, wish: TaskWish, url: str | None, *, publish: bool
    ) -> Submitted:
        new = self._new_task(tenant_id, _known(await read_task_type(tx, name=wish.type)), wish, url)
        waiting = await queries.count_waiting(tx, tenant_id=tenant_id)
        if waiting is not None and waiting.present >= waiting.allowed:
            raise LimitReachedError(f"{waiting.allowed} tasks wait already.")
        publish = publish and (waiting is None or waiting.present < TASKS_PER_TENANT)
        task = await queries.insert_task(tx, task=new, publish=publish)
        if task is not None:
            return Submitted(task, made=True, publish=publish)
        holder = wish.unique_key and await queries.read_by_unique_key(
            tx, type_=new.type.name, unique_key=wish.unique_key
        )
        if not holder:
            raise NotFoundError("tenant")
        return Submitted(holder, made=False)

    def _new_task(self, tenant_id: TenantId, task_type: TaskType, wish: TaskWish, url: str | None) -> NewTask:
        input_ = _with_file(task_type, wish)
        if problems := task_type.problems(input_):
            raise InvalidInputError(*problems)
        task_id = TaskId(new_uuid7(self._database.unix_seconds()))
        return NewTask(
            id=task_id,
            tenant_id=tenant_id,
            type=task_type,
            input=msgspec.json.encode(input_),
            content=wish.file and wish.file.content,
            webhook_url=url,
            sealed_webhook_secret=self._sealed(tenant_id, task_id, wish.webhook_secret),
            metadata=wish.metadata,
            traceparent=wish.traceparent,
            unique_key=wish.unique_key,
            delay=wish.delay,
            expires_in=wish.expires_in,
            retry_of=wish.retry_of,
        )

    def _sealed(self, tenant_id: TenantId, task_id: TaskId, secret: str | None) -> bytes | None:
        if secret is None:
            return None
        text = format_secret(signing_key(secret, "/webhook_secret"))
        return self._ring.seal(text.encode(), tenant=tenant_id, row=task_id, column=TASK_SIGNING)


def _with_file(task_type: TaskType, wish: TaskWish) -> Mapping[str, JsonValue]:
    """Return the input with what describes the file; clients cannot describe one that they do not send."""
    if task_type.takes_file and FILE_FIELD in wish.input:
        raise InvalidInputError(FieldError(f"/input/{FILE_FIELD}", "A file is sent as multipart/form-data."))
    if wish.file is None:
        return wish.input
    if not task_type.takes_file:
        raise InvalidInputError(FieldError(f"/{FILE_FIELD}", "This task type takes no file."))
    return {**wish.input, FILE_FIELD: wish.file.described}


def _known(task_type: TaskType | None) -> TaskType:
    if task_type is None:
        raise InvalidInputError(FieldError("/type", "No worker offers this task type."))
    return task_type
