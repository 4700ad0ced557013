"""Submit a task: its row is the promise; the message that follows is only a hint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import queries
from core.intake.accept import TASKS_PER_TENANT, NewTask
from core.journal.tasks import TaskRecord
from core.model.errors import FieldError, InvalidInputError, LimitReachedError, NotFoundError
from core.model.ids import TaskId, TenantId, new_uuid7
from core.model.json_value import JsonValue
from core.model.queued import QueuedTask
from core.model.sealing import KeyRing
from core.model.signature import format_secret
from core.registry.callbacks import Callbacks
from core.registry.queries import read_task_type
from core.registry.register import signing_key
from core.registry.secrets import TASK_SIGNING
from core.registry.task_types import TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWish:
    """A task as a client asks for it, not checked yet."""

    type: str
    input: Mapping[str, JsonValue]
    webhook_url: str | None
    webhook_secret: str | None
    metadata: Mapping[str, str]
    traceparent: str | None = None


class Submissions:
    """Takes tasks in: checked, committed, then published."""

    def __init__(self, database: Database, publisher: Publisher, ring: KeyRing, callbacks: Callbacks) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._ring: Final = ring
        self._callbacks: Final = callbacks

    async def submit(self, tenant_id: TenantId, wish: TaskWish) -> TaskRecord:
        """Record a task and return it once it is committed.

        Raises `InvalidInputError` for an unknown type, an input that does not fit it or a URL that is not allowed,
        `LimitReachedError` if as many tasks wait as the tenant may have.
        """
        url = wish.webhook_url
        if url is not None:
            url = await self._callbacks.check(url, pointer="/webhook_url", tenant_id=tenant_id)
        publish = self._publisher.ready
        async with self._database.tenant(tenant_id) as tx:
            task_type = await read_task_type(tx, name=wish.type)
            waiting = await queries.count_waiting(tx, tenant_id=tenant_id)
            new = self._new_task(tenant_id, _known(task_type), wish, url)
            if waiting is not None and waiting.present >= waiting.allowed:
                raise LimitReachedError(f"{waiting.allowed} tasks wait already.")
            publish = publish and (waiting is None or waiting.present < TASKS_PER_TENANT)
            task = await queries.insert_task(tx, task=new, publish=publish)
        if task is None:
            raise NotFoundError("tenant")
        if publish:
            self._publisher.task(QueuedTask(task.id, task.type, task.queue))
        return task

    def _new_task(self, tenant_id: TenantId, task_type: TaskType, wish: TaskWish, url: str | None) -> NewTask:
        if problems := task_type.problems(wish.input):
            raise InvalidInputError(*problems)
        task_id = TaskId(new_uuid7(self._database.unix_seconds()))
        return NewTask(
            id=task_id,
            tenant_id=tenant_id,
            type=task_type,
            input=msgspec.json.encode(wish.input),
            webhook_url=url,
            sealed_webhook_secret=self._sealed(tenant_id, task_id, wish.webhook_secret),
            metadata=wish.metadata,
            traceparent=wish.traceparent,
        )

    def _sealed(self, tenant_id: TenantId, task_id: TaskId, secret: str | None) -> bytes | None:
        if secret is None:
            return None
        text = format_secret(signing_key(secret, "/webhook_secret"))
        return self._ring.seal(text.encode(), tenant=tenant_id, row=task_id, column=TASK_SIGNING)


def _known(task_type: TaskType | None) -> TaskType:
    if task_type is None:
        raise InvalidInputError(FieldError("/type", "No worker offers this task type."))
    return task_type
