"""Submit a task: its row is the promise; the message that follows is only a hint."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock, patience
from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import dedupe, queries
from core.intake.accept import NewTask, SentFile
from core.intake.dedupe import RequestKey
from core.intake.group import TaskGroups, Wanted
from core.intake.limits import Admission
from core.intake.shared import REFUSED_WITHIN
from core.intake.submitted import Submitted, answered, replay
from core.journal.tasks import TaskRecord
from core.model.errors import (
    FieldError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    UnavailableError,
)
from core.model.ids import TaskId, TenantId, new_uuid7
from core.model.json_value import JsonValue, with_member
from core.model.queued import QueuedTask
from core.model.sealing import KeyRing
from core.model.signature import format_secret
from core.model.states import TaskStatus
from core.once import Kept
from core.registry.callbacks import Callbacks
from core.registry.renewal import signing_key
from core.registry.secrets import TASK_SIGNING
from core.registry.task_types import FILE_FIELD, TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWish:
    """A task as a client asks for it, not checked yet; `delay` and `expires_in` are seconds.

    `written` is the input as it was sent: what is kept, and reaches the task, in exactly these bytes.
    """

    type: str
    input: Mapping[str, JsonValue]
    written: bytes
    webhook_url: str | None = None
    webhook_secret: str | None = None
    metadata: Mapping[str, str]
    file: SentFile | None = None
    unique_key: str | None = None
    delay: int = 0
    expires_in: int | None = None
    retry_of: TaskId | None = None
    traceparent: str | None = None


LEAST: Final = 0.5
"""Seconds to see whether a request was answered before that is to be refused."""
TRIES: Final = 3
"""Times that a task is inserted whose unique key is held by one that ends just then."""
LONE: Final = 4
"""Submits that run alone at once: a whole group that failed waits here, not in the pool, which gives up after 1.9 s."""


class Submissions:
    """Takes tasks in: checked, committed, then published."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        ring: KeyRing,
        callbacks: Callbacks,
        *,
        admission: Admission | None = None,
        within: float = REFUSED_WITHIN,
    ) -> None:
        """Take nothing in yet; a task is refused after `within` seconds, unless its URL's name takes longer.

        `admission` is shared with whatever else takes in tasks of the same tenants.
        """
        self._within: Final = within
        self._database: Final = database
        self._publisher: Final = publisher
        self._ring: Final = ring
        self._callbacks: Final = callbacks
        self._admission: Final = admission or Admission(database)
        self._groups: Final = TaskGroups(database, publisher)
        self._lone: Final = asyncio.Semaphore(LONE)

    async def submit(
        self, tenant_id: TenantId, wish: TaskWish, *, status: int, key: RequestKey | None = None
    ) -> Submitted:
        """Record a task and return it once it is committed; a key or a unique key gives back the one that is there.

        `status` is what the answer will be, kept with the key. Raises `InvalidInputError` for an unknown type, an
        input that does not fit it or a URL that is not allowed, `LimitReachedError` if as many tasks wait as the
        tenant may have, `KeyReusedError` and `ConflictError` for a key that is another request's, `TimeoutError` if the
        store takes too long.
        """
        began = clock.monotonic()
        try:
            url = await self._callback_of(tenant_id, wish)
            return await patience.within(self._within, self._submit(tenant_id, wish, url, status=status, key=key))
        except InvalidInputError:  # a worker may have gone, a name may resolve elsewhere since it was taken
            left = max(began + self._within - clock.monotonic(), LEAST)
            if replayed := await patience.within(left, answered(self._database, key)):
                return replayed
            raise

    async def _submit(
        self, tenant_id: TenantId, wish: TaskWish, url: str | None, *, status: int, key: RequestKey | None
    ) -> Submitted:
        wanted, refused = await self._wanted(tenant_id, wish, url, status=status, key=key)
        if refused is None and wish.file is None and (key is None or wish.unique_key is None):
            made_at = await self._groups.record(wanted)
            if made_at is not None:
                return Submitted(pending_record(wanted.task, made_at), made=True)
        return await self._alone(wanted, refused)

    async def _alone(self, wanted: Wanted, refused: LimitReachedError | None) -> Submitted:
        """Record a task in a transaction of its own: its key is taken, it has two or a file, or its group failed.

        A request that was answered before, or whose unique key is held, makes none: its tenant may have all it may.
        """
        new, key = wanted.task, wanted.key
        publish = self._publisher.ready and wanted.publish
        async with self._lone, self._database.tenant(new.tenant_id) as tx:
            kept = None if key is None else await dedupe.claim(tx, key)
            if kept is not None:
                return await replay(tx, kept)
            making = self._record(tx, new, publish=publish) if refused is None else _held(tx, new, refused)
            submitted = await making
            if key is not None:
                await dedupe.fill(tx, key, Kept(submitted.task.id, wanted.status))
        if submitted.made and publish:
            self._publisher.tasks([QueuedTask(new.id, new.type.name, new.type.queue)])
        return submitted

    async def _record(self, tx: AsyncConnection, new: NewTask, *, publish: bool) -> Submitted:
        for _ in range(TRIES):
            task = await queries.insert_task(tx, task=new, publish=publish)
            if task is not None:
                return Submitted(task, made=True)
            if new.unique_key is None:
                raise NotFoundError("tenant")
            name = new.type.name
            holder = await queries.read_by_unique_key(tx, type_=name, unique_key=new.unique_key)
            if holder is not None:
                return Submitted(holder, made=False)
            await queries.free_unique_key(tx, type_=name, unique_key=new.unique_key)
        raise UnavailableError  # each time its holder ended between the two statements

    async def _callback_of(self, tenant_id: TenantId, wish: TaskWish) -> str | None:
        if wish.webhook_url is None:
            return None
        return await self._callbacks.check(wish.webhook_url, pointer="/webhook_url", tenant_id=tenant_id)

    async def _wanted(
        self, tenant_id: TenantId, wish: TaskWish, url: str | None, *, status: int, key: RequestKey | None
    ) -> tuple[Wanted, LimitReachedError | None]:
        """Return what to record, and why it may not be if the tenant has as many as it may."""
        new = self._new_task(tenant_id, await self._admission.versions(wish.type), wish, url)
        refused = await self._admission.take(tenant_id)
        publish = not new.delay and await self._admission.may_publish(tenant_id)
        return Wanted(new, key, status, publish), refused

    def _new_task(self, tenant_id: TenantId, versions: Sequence[TaskType], wish: TaskWish, url: str | None) -> NewTask:
        task_type = _fitting(versions, wish)
        task_id = TaskId(new_uuid7(self._database.unix_seconds()))
        return NewTask(
            id=task_id,
            tenant_id=tenant_id,
            type=task_type,
            input=_written(wish),
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
        text = format_secret(signing_key(secret, pointer="/webhook_secret"))
        return self._ring.seal(text.encode(), tenant=tenant_id, row=task_id, column=TASK_SIGNING)


async def _held(tx: AsyncConnection, new: NewTask, refused: LimitReachedError) -> Submitted:
    """Return the task that holds the unique key of one that may not be made; raise why it may not if none does."""
    key = new.unique_key
    holder = None if key is None else await queries.read_by_unique_key(tx, type_=new.type.name, unique_key=key)
    if holder is None:
        raise refused
    return Submitted(holder, made=False)


def _fitting(versions: Sequence[TaskType], wish: TaskWish) -> TaskType:
    """Return the newest version that takes the input; raise what the newest finds wrong where none does."""
    refused: InvalidInputError | None = None
    for version in versions:
        try:
            value = _with_file(version, wish)
        except InvalidInputError as error:
            refused = refused or error
            continue
        if version.takes(value):
            return version
        refused = refused or InvalidInputError(*version.problems(value, len(wish.written)))
    raise refused or InvalidInputError(FieldError("/type", "No worker offers this task type."))


def _with_file(task_type: TaskType, wish: TaskWish) -> Mapping[str, JsonValue]:
    """Return the input with what describes the file; clients cannot describe one that they do not send."""
    if task_type.takes_file and FILE_FIELD in wish.input:
        raise InvalidInputError(FieldError(f"/input/{FILE_FIELD}", "A file is sent as multipart/form-data."))
    if wish.file is None:
        return wish.input
    if not task_type.takes_file:
        raise InvalidInputError(FieldError(f"/{FILE_FIELD}", "This task type takes no file."))
    return {**wish.input, FILE_FIELD: wish.file.described}


def _written(wish: TaskWish) -> bytes:
    """Return the input's bytes; what describes the file goes in as the last member of the object."""
    if wish.file is None:
        return wish.written
    return with_member(wish.written, FILE_FIELD, wish.file.described)


def pending_record(new: NewTask, made_at: datetime) -> TaskRecord:
    """Return a task as its row is when it has just been made."""
    return TaskRecord(
        id=new.id,
        tenant_id=new.tenant_id,
        type=new.type.name,
        queue=new.type.queue,
        status=TaskStatus.PENDING.value,
        input=new.input,
        result=None,
        result_size=None,
        progress=None,
        error_code=None,
        error_title=None,
        error_detail=None,
        run=0,
        lost_count=0,
        max_attempts=new.type.max_attempts,
        webhook_url=new.webhook_url,
        unique_key=new.unique_key,
        retry_of=new.retry_of,
        metadata=new.metadata,
        created_at=made_at,
        started_at=None,
        finished_at=None,
    )
