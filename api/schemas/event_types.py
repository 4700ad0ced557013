"""Event types on the wire."""

from typing import Annotated

from pydantic import Field, JsonValue

from api.schemas.events import EventTypeName
from api.schemas.fields import In, Moment, Out, Text

Description = Annotated[Text, Field(description="What such an event says.", examples=["An order was paid."])]
SchemaIn = Annotated[
    dict[str, JsonValue],
    Field(
        description="JSON Schema 2020-12 that `data` has to fit, 64 KiB at most; it refers to nothing outside of it. "
        "Its patterns have no look-around and no back-references; `maxLength` takes less work than `^.{1,255}$`."
    ),
    Field(examples=[{"type": "object", "required": ["order"]}]),
]
Example = Annotated[
    JsonValue,
    Field(description="Data of such an event, which test sends use; it fits the schema.", examples=[{"order": "42"}]),
]


class EventTypeIn(In):
    """What there is to say of an event type."""

    description: Description | None = None
    schema_: SchemaIn | None = Field(default=None, alias="schema")
    example: Example = None


class EventTypeOut(Out):
    """An event type as the catalogue has it."""

    name: EventTypeName
    description: str | None
    schema_: dict[str, JsonValue] | None = Field(alias="schema", description="`null`: `data` may be anything.")
    example: JsonValue
    created_at: Moment
    updated_at: Moment


class EventTypePage(Out):
    """A page of event types, by their names."""

    data: list[EventTypeOut]
    next_cursor: str | None
