"""What the log says: deliveries and their attempts."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.clock import timestamp
from core.model import ids
from core.model.ids import AttemptId, DeliveryId, EndpointId, EventId, TaskId, TenantId
from core.model.states import WaitingFor

_TROUBLED: Final = frozenset({"retrying", "exhausted", "cancelled"})
_SUCCESS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """The duty to bring one event to one URL, as it stands."""

    id: DeliveryId
    tenant_id: TenantId
    event_id: EventId
    event_type: str
    endpoint_id: EndpointId | None
    task_id: TaskId | None
    url: str | None
    """`None` where it is pulled."""
    status: str
    reason: str | None
    trigger: str
    wait_reason: str | None
    due_at: datetime | None
    is_due: bool
    on_the_wire: bool
    had_succeeded: bool
    resend_asked_at: datetime | None
    endpoint_status: str | None
    attempt_count: int
    step: int
    schedule: Sequence[int] | None
    last_response_code: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None
    is_pulled: bool = False
    held_by: WaitingFor | None = None
    """What holds it up although it is due; see `core.journal.waiting.explain`."""

    @property
    def waiting_for(self) -> str | None:
        """Why it waits, computed on reading: the row itself is not touched while it does."""
        if self.due_at is None or self.on_the_wire:
            return None
        if self.endpoint_status == "paused" and self.trigger not in ("resend", "test"):
            return WaitingFor.PAUSED.value
        if not self.is_due:
            return self.wait_reason or WaitingFor.SCHEDULE.value
        held = WaitingFor.PULL if self.held_by is None and self.is_pulled else self.held_by
        return None if held is None else held.value

    @property
    def next_attempt_at(self) -> datetime | None:
        """When the next attempt is due; none while one is on the wire."""
        return None if self.on_the_wire else self.due_at


def delivery_document(delivery: DeliveryRecord) -> dict[str, object]:
    """Return the delivery as `GET` shows it in a list."""
    return {
        "id": ids.encode(ids.DELIVERY, delivery.id),
        "event_id": ids.encode(ids.EVENT, delivery.event_id),
        "event_type": delivery.event_type,
        "endpoint_id": None if delivery.endpoint_id is None else ids.encode(ids.ENDPOINT, delivery.endpoint_id),
        "task_id": None if delivery.task_id is None else ids.encode(ids.TASK, delivery.task_id),
        "url": delivery.url,
        "status": delivery.status,
        "reason": delivery.reason,
        "waiting_for": delivery.waiting_for,
        "attempt_count": delivery.attempt_count,
        "next_attempt_at": timestamp(delivery.next_attempt_at),
        "last_response_code": delivery.last_response_code,
        "created_at": timestamp(delivery.created_at),
        "finished_at": timestamp(delivery.finished_at),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """An attempt as the schedule shows it, without anything large."""

    number: int
    trigger: str
    outcome: str
    error: str | None
    response_status: int | None
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord(AttemptLine):
    """One request that was made for a delivery, or may have been."""

    id: AttemptId
    delivery_id: DeliveryId
    note: str | None
    request_url: str | None
    request_headers: Mapping[str, str]
    request_body: bytes | None
    response_headers: Sequence[Sequence[str]] | None
    response_body: bytes | None
    response_truncated: bool | None
    address: str | None
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float | None


def attempt_document(attempt: AttemptRecord) -> dict[str, object]:
    """Return the attempt as `GET` shows it in a list."""
    body = None if attempt.request_body is None else attempt.request_body.decode()
    return {
        "id": ids.encode(ids.ATTEMPT, attempt.id),
        "delivery_id": ids.encode(ids.DELIVERY, attempt.delivery_id),
        "number": attempt.number,
        "trigger": attempt.trigger,
        "outcome": attempt.outcome,
        "error": attempt.error,
        "note": attempt.note,
        "request": {"url": attempt.request_url, "headers": attempt.request_headers, "body": body},
        "response": _response(attempt),
        "address": attempt.address,
        "duration_ms": {
            "dns": attempt.dns_ms,
            "connect": attempt.connect_ms,
            "tls": attempt.tls_ms,
            "first_byte": attempt.first_byte_ms,
            "total": attempt.total_ms,
        },
        "started_at": timestamp(attempt.started_at),
    }


def _response(attempt: AttemptRecord) -> dict[str, object] | None:
    if attempt.response_status is None:
        return None
    body, encoding = _readable(attempt.response_body or b"")
    return {
        "status": attempt.response_status,
        "headers": attempt.response_headers or (),
        "body": body,
        "encoding": encoding,
        "truncated": bool(attempt.response_truncated),
    }


def _readable(raw: bytes) -> tuple[str, str]:
    try:
        return raw.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries to list; `None` means any."""

    status: str | None = None
    endpoint_id: EndpointId | None = None
    event_id: EventId | None = None
    task_id: TaskId | None = None
    event_type: str | None = None
    response_code: int | None = None
    response_class: int | None = None
    error: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def troubled(self) -> bool:
        """Whether all that fits has failed or was cancelled: a code that is no 2xx comes with an error."""
        code_class = self.response_class or (self.response_code or 200) // 100
        return self.error is not None or self.status in _TROUBLED or code_class != _SUCCESS
