"""The states of tasks, endpoints and deliveries; `docs/states.md` draws them."""

from enum import StrEnum
from typing import Final


class TaskStatus(StrEnum):
    """Celery's own words for the state of a task."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the task."""
        return self in ENDED_TASK


RUNNING_TASK: Final = frozenset({TaskStatus.STARTED, TaskStatus.PROGRESS})
ENDED_TASK: Final = frozenset({TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.REVOKED})


class EndpointStatus(StrEnum):
    """`paused` by its owner, `disabled` by the platform."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryStatus(StrEnum):
    """There is no "sending": a claim is a lease."""

    PENDING = "pending"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"


class CancelReason(StrEnum):
    """Why a delivery was cancelled."""

    CLIENT = "client"
    GONE = "gone"
    ABORTED = "aborted"
    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_DELETED = "endpoint_deleted"
    PAYLOAD_ERASED = "payload_erased"
    EXPIRED = "expired"


class WaitingFor(StrEnum):
    """Why a delivery waits; computed on reading."""

    SCHEDULE = "schedule"
    RETRY_AFTER = "retry_after"
    RATE_LIMIT = "rate_limit"
    CONCURRENCY = "concurrency"
    BREAKER = "breaker"
    PAUSED = "paused"
    ORDER = "order"
    PULL = "pull"
