"""Deliveries and attempts on the wire."""

from typing import Literal

from pydantic import Field

from api.schemas.fields import AttemptIdOut, DeliveryIdOut, EndpointIdOut, EventIdOut, Moment, Out, TaskIdOut

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


class AttemptPage(Out):
    """A page of a delivery's attempts, in their order."""

    data: list[AttemptOut]
    next_cursor: str | None
