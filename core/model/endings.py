"""How a run of a task ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.model.states import TaskStatus

MAX_LOST: Final = 3
"""Runs that may die with their worker before the task is given up."""


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """The task's end: a result (JSON), or an error's code and safe sentences."""

    status: TaskStatus
    result: bytes | None = None
    error_code: str | None = None
    error_title: str | None = None
    error_detail: str | None = None
    progress: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class TaskAgain:
    """A failure that is tried again after `delay` seconds."""

    delay: float
    progress: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class TaskMisfit:
    """An input that this worker's version of the type does not take; `end` is for when no other version does."""

    end: TaskEnd


LOST: Final = TaskEnd(
    TaskStatus.FAILURE,
    error_code="worker_lost",
    error_title="The worker was lost",
    error_detail=f"The process that ran the task died {MAX_LOST} times.",
)
CANCELLED: Final = TaskEnd(
    TaskStatus.REVOKED, error_code="cancelled", error_title="Cancelled", error_detail="Somebody asked for its end."
)
EXPIRED: Final = TaskEnd(
    TaskStatus.REVOKED,
    error_code="expired",
    error_title="Expired",
    error_detail="It waited longer than its expires_in allowed.",
)
