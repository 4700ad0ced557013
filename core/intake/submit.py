"""Submit a task: its row is the promise; the message that follows is only a hint."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.model.ids import TaskId, TenantId
from core.registry.task_types import TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to record; `input` is JSON that fits the type's schema."""

    id: TaskId
    tenant_id: TenantId
    type: TaskType
    input: bytes
    webhook_url: str | None = None
    sealed_webhook_secret: bytes | None = None
    metadata: Mapping[str, str]
    traceparent: str | None = None
