"""Deliveries and attempts on the wire."""

import base64
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from api.schemas.fields import AttemptIdOut, DeliveryIdOut, EndpointIdOut, EventIdOut, Moment, Out, TaskIdOut
from core.journal.read import AttemptRecord

DeliveryStatusName = Literal["pending", "retrying", "succeeded", "exhausted", "cancelled"]
ReasonName = Literal["client", "gone", "aborted", "endpoint_disabled", "endpoint_deleted", "payload_erased", "expired"]
OutcomeName = Literal["succeeded", "failed", "unknown"]
TriggerName = Literal["first", "retry", "resend", "replay", "recover", "test", "reconnect"]
ErrorName = Literal["timeout", "connect", "tls", "dns", "blocked_address", "too_large", "protocol", "http_status"]


class DeliveryOut(Out):
    """The duty to bring one event to one URL."""

    id: DeliveryIdOut
    event_id: EventIdOut
    event_type: str
    endpoint_id: EndpointIdOut | None
    task_id: TaskIdOut | None
    url: str | None = Field(description="`null` where it is pulled.")
    status: DeliveryStatusName
    reason: ReasonName | None = Field(description="Why it was cancelled.")
    waiting_for: (
        Literal["schedule", "retry_after", "rate_limit", "concurrency", "breaker", "paused", "order", "pull"] | None
    ) = Field(description="Why it waits, as of now.")
    attempt_count: int
    next_attempt_at: Moment | None
    last_response_code: int | None
    created_at: Moment
    finished_at: Moment | None


class ScheduledOut(Out):
    """One attempt that was made or is still to come."""

    number: int
    at: Moment
    made: bool
    reason: TriggerName = Field(description="Why it was or will be made.")
    outcome: OutcomeName | None = None
    error: ErrorName | None = None
    response_code: int | None = None


class DeliveryDetailOut(DeliveryOut):
    """A delivery with every attempt made and every attempt still to come, as if each of those failed."""

    schedule: list[ScheduledOut]


class DeliveryPage(Out):
    """A page of deliveries, newest first."""

    data: list[DeliveryOut]
    next_cursor: str | None


class RequestOut(Out):
    """What was sent; the values of the endpoint's own headers are masked."""

    url: str | None = Field(description="`null` where it was pulled.")
    headers: dict[str, str]
    body: str | None = Field(description="`null` once the payload is erased.")


class ResponseOut(Out):
    """What came back; `body` holds the first 16 KiB."""

    status: int
    headers: list[tuple[str, str]]
    body: str
    encoding: Literal["utf-8", "base64"]
    truncated: bool


class DurationsOut(Out):
    """Milliseconds; `null` for a stage that was not reached or not needed."""

    dns: float | None
    connect: float | None
    tls: float | None
    first_byte: float | None
    total: float | None


class AttemptOut(Out):
    """One HTTP request made for a delivery."""

    id: AttemptIdOut
    delivery_id: DeliveryIdOut
    number: int
    trigger: TriggerName
    outcome: OutcomeName
    error: ErrorName | None
    note: str | None
    request: RequestOut
    response: ResponseOut | None
    address: str | None
    duration_ms: DurationsOut
    started_at: Moment

    @classmethod
    def of(cls, attempt: AttemptRecord) -> "AttemptOut":
        """Show an attempt."""
        body = None if attempt.request_body is None else attempt.request_body.decode()
        return cls(
            id=attempt.id,  # pyright: ignore[reportArgumentType] - the validator encodes it
            delivery_id=attempt.delivery_id,  # pyright: ignore[reportArgumentType] - the validator encodes it
            number=attempt.number,
            trigger=attempt.trigger,  # pyright: ignore[reportArgumentType] - a CHECK holds the words
            outcome=attempt.outcome,  # pyright: ignore[reportArgumentType] - a CHECK holds the words
            error=attempt.error,  # pyright: ignore[reportArgumentType] - a CHECK holds the words
            note=attempt.note,
            request=RequestOut(url=attempt.request_url, headers=dict(attempt.request_headers), body=body),
            response=_response(attempt),
            address=attempt.address,
            duration_ms=DurationsOut(
                dns=attempt.dns_ms,
                connect=attempt.connect_ms,
                tls=attempt.tls_ms,
                first_byte=attempt.first_byte_ms,
                total=attempt.total_ms,
            ),
            started_at=attempt.started_at,
        )


class AttemptPage(Out):
    """A page of a delivery's attempts, in their order."""

    data: list[AttemptOut]
    next_cursor: str | None


def _response(attempt: AttemptRecord) -> ResponseOut | None:
    if attempt.response_status is None:
        return None
    body, encoding = _readable(attempt.response_body or b"")
    headers: Sequence[Sequence[str]] = attempt.response_headers or ()
    return ResponseOut(
        status=attempt.response_status,
        headers=[(name, value) for name, value in headers],
        body=body,
        encoding=encoding,
        truncated=bool(attempt.response_truncated),
    )


def _readable(raw: bytes) -> tuple[str, Literal["utf-8", "base64"]]:
    try:
        return raw.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), "base64"
