"""Reading tasks, and the document that clients and receivers see of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from core.clock import timestamp
from core.model import ids
from core.model.ids import TaskId, TenantId
from core.model.states import TaskStatus
from core.model.tables import STORED_RESULT_LIMIT
from core.model.trace_context import read_traceparent

NULL: Final = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """A task as Postgres holds it; `run` counts the times that it was started."""

    id: TaskId
    tenant_id: TenantId
    type: str
    queue: str
    status: str
    input: bytes | None
    result: bytes | None
    result_size: int | None
    progress: Mapping[str, object] | None
    error_code: str | None
    error_title: str | None
    error_detail: str | None
    run: int
    lost_count: int
    max_attempts: int
    webhook_url: str | None
    unique_key: str | None
    retry_of: UUID | None
    metadata: Mapping[str, str]
    traceparent: str | None = None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    erased: bool = False

    @property
    def trace(self) -> str | None:
        """The trace that it belongs to: earlier versions kept whatever was sent as one."""
        return read_traceparent(self.traceparent)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return TaskStatus(self.status).ended

    @property
    def attempt(self) -> int:
        """Which attempt the present run is; runs that were lost with their worker do not count."""
        return self.run - self.lost_count

    @property
    def result_is_elsewhere(self) -> bool:
        """Whether the result was too large for the record, so that only Redis may hold it."""
        return self.result_size is not None and self.result_size > STORED_RESULT_LIMIT


def task_document(task: TaskRecord, *, result: bytes | None, base: str = "") -> dict[str, object]:
    """Return the task as `GET` shows it; `base` goes in front of its links."""
    return {
        "task_id": ids.encode(ids.TASK, task.id),
        "type": task.type,
        "status": task.status,
        "input": NULL if task.input is None else msgspec.Raw(task.input),
        "progress": task.progress,
        "result": NULL if result is None else msgspec.Raw(result),
        "error": _error(task),
        "attempts": task.run,
        "max_attempts": task.max_attempts,
        "webhook_url": task.webhook_url,
        "unique_key": task.unique_key,
        "retry_of": None if task.retry_of is None else ids.encode(ids.TASK, task.retry_of),
        "metadata": task.metadata,
        "created_at": timestamp(task.created_at),
        "started_at": timestamp(task.started_at),
        "finished_at": timestamp(task.finished_at),
        "links": _links(task, base),
    }


def event_data(task: TaskRecord, *, base: str) -> bytes:
    """Return the `data` of a `task.*` event: the task without its input, a large result as null."""
    document = task_document(task, result=task.result, base=base)
    del document["input"]
    return msgspec.json.encode(document)


def _error(task: TaskRecord) -> dict[str, str | None] | None:
    if task.error_code is None:
        return None
    return {"code": task.error_code, "title": task.error_title, "detail": task.error_detail}


def _links(task: TaskRecord, base: str) -> dict[str, str]:
    own = f"{base}/v1/tasks/{ids.encode(ids.TASK, task.id)}"
    return {"self": own, "result": f"{own}/result", "deliveries": f"{own}/deliveries"}
