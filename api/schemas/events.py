"""Events on the wire."""

from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from api.schemas.fields import EventIdOut, In, Moment, Out, ProblemField, Timestamp
from core.model.matching import TYPE_LENGTH, TYPE_PATTERN

Key = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", min_length=1, max_length=255)]
EventTypeName = Annotated[
    str,
    StringConstraints(pattern=TYPE_PATTERN, max_length=TYPE_LENGTH),
    Field(description="Parts with dots between; `task.`, `endpoint.` and `delivery.` are the platform's own."),
    Field(examples=["order.paid"]),
]


class EventIn(In):
    """An event: what happened, and to what."""

    type: EventTypeName = Field(json_schema_extra={"not": {"pattern": r"^(task|endpoint|delivery)\."}})
    data: object = Field(
        description="Any JSON. Its bytes reach the receiver as they are sent.", examples=[{"order": "42", "total": 1.0}]
    )
    id: Key | None = Field(
        default=None,
        description="Your own ID. The same one with the same content is one event, for 30 days or the retention.",
    )
    timestamp: Timestamp | None = Field(
        default=None, description="When it happened (RFC 3339); unless told, when it was accepted."
    )
    ordering_key: Key | None = Field(
        default=None, description="Events of the same key wait for each other at endpoints that want order."
    )


class EventOut(Out):
    """An event as it was accepted."""

    id: EventIdOut
    client_id: str | None = Field(description="The sender's own ID; of a CloudEvent its source and its ID.")
    type: str
    timestamp: Moment
    data: JsonValue = Field(description="In the bytes that were sent; `null` once it is erased.")
    ordering_key: str | None
    attributes: dict[str, JsonValue] = Field(description="Source, subject and extensions of a CloudEvent.")
    deliveries: int = Field(description="How many deliveries it made.")
    created_at: Moment
    erased_at: Moment | None


class EventPage(Out):
    """A page of events, newest first."""

    data: list[EventOut]
    next_cursor: str | None


class LineOut(Out):
    """What became of a line: an event, or else a problem (RFC 9457)."""

    status: int = Field(description="202 for an event; what a request with this line alone would have got otherwise.")
    id: EventIdOut | None = None
    client_id: str | None = None
    deliveries: int | None = None
    type: str | None = Field(default=None, examples=["/problems/invalid-input"])
    title: str | None = None
    detail: str | None = None
    errors: list[ProblemField] | None = None


class BatchOut(Out):
    """What became of each line, in their order."""

    data: list[LineOut]


class ReplayIn(In):
    """Where to send an event again."""

    endpoint_id: str | None = Field(
        default=None, description="That endpoint, subscribed or not; unless told, what matches now."
    )


class SampleIn(In):
    """What to send as a test."""

    event_type: EventTypeName | None = Field(default=None, description="`ringback.test` unless told.")
