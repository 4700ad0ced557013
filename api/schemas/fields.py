"""Field types that several schemas share, each described once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final, cast
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)
from pydantic.config import JsonDict

from core.clock import timestamp
from core.model import ids
from core.model.header_rules import COUNT_LIMIT, NAME_PATTERN, TOTAL_LIMIT, VALUE_PATTERN

NO_NUL: Final = r"^[^\x00]*$"
# RFC 3339, section 5.6; its leap second is no time that can be kept.
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:[0-5]\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _encoder(prefix: str) -> Callable[[object], object]:
    return lambda value: ids.encode(prefix, value) if isinstance(value, UUID) else value


def check_rfc_3339(value: object) -> object:
    """Return what looks like a time of RFC 3339; raise `ValueError` for anything else that could be read as one."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("a time is RFC 3339 with its offset from UTC")
    return value


def in_utc(moment: datetime) -> datetime:
    """Return the time in UTC; one without an offset stays as it is.

    Raises `ValueError` for one that lies outside of the years 1 to 9999 in UTC.
    """
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies outside of what can be kept") from None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def never_null(schema: JsonDict) -> None:
    """Describe a field of a merge patch that can be left out, but not removed (RFC 7396)."""
    del schema["default"]
    choices = cast("list[JsonDict]", schema.pop("anyOf"))
    schema.update(next(one for one in choices if one.get("type") != "null"))


TenantIdOut = Annotated[str, BeforeValidator(_encoder(ids.TENANT)), Field(examples=["ten_01jz8f6kq3e5v9t2w4x6y8z0ab"])]
KeyIdOut = Annotated[str, BeforeValidator(_encoder(ids.KEY)), Field(examples=["key_01jz8f6kq3e5v9t2w4x6y8z0ab"])]
TaskIdOut = Annotated[str, BeforeValidator(_encoder(ids.TASK)), Field(examples=["task_01jz8f6kq3e5v9t2w4x6y8z0ab"])]
EventIdOut = Annotated[str, BeforeValidator(_encoder(ids.EVENT)), Field(examples=["evt_01jz8f6kq3e5v9t2w4x6y8z0ab"])]
EndpointIdOut = Annotated[
    str, BeforeValidator(_encoder(ids.ENDPOINT)), Field(examples=["ep_01jz8f6kq3e5v9t2w4x6y8z0ab"])
]
DeliveryIdOut = Annotated[
    str, BeforeValidator(_encoder(ids.DELIVERY)), Field(examples=["dlv_01jz8f6kq3e5v9t2w4x6y8z0ab"])
]
AttemptIdOut = Annotated[
    str, BeforeValidator(_encoder(ids.ATTEMPT)), Field(examples=["att_01jz8f6kq3e5v9t2w4x6y8z0ab"])
]
Moment = Annotated[
    datetime,
    AfterValidator(in_utc),
    PlainSerializer(timestamp, return_type=str | None),
    Field(description="RFC 3339, UTC.", examples=["2026-01-31T12:00:00.000Z"]),
]
LinkIdOut = Annotated[str, BeforeValidator(_encoder(ids.LINK)), Field(examples=["link_01jz8f6kq3e5v9t2w4x6y8z0ab"])]
Timestamp = Annotated[
    datetime,
    BeforeValidator(check_rfc_3339, json_schema_input_type=AwareDatetime),
    AfterValidator(in_utc),
    Field(description="RFC 3339, with its offset from UTC.", examples=["2026-01-31T12:00:00Z"]),
]
WHOLE: Final = BeforeValidator(_whole)
"""Makes a strict integer one as JSON Schema has it: `5` and `5.0` are the same (2020-12 core, section 4.2.2)."""
Line = Annotated[str, StringConstraints(pattern=NO_NUL, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=2000)]
MetadataKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
MetadataValue = Annotated[str, StringConstraints(pattern=NO_NUL, max_length=500)]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue],
    Field(
        max_length=50,
        description="A flat map of strings, kept as it is.",
        examples=[{"order": "42"}],
        json_schema_extra={"additionalProperties": False},
    ),
]
Owner = Annotated[
    str,
    StringConstraints(pattern=NO_NUL, min_length=1, max_length=255),
    Field(description="The partner whose it is, by an ID of the tenant's own.", examples=["customer-42"]),
]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048), Field(examples=["https://example.com/hook"])]

HeaderMap = Annotated[
    dict[str, str],
    Field(
        description="Sent with each request; their values are masked.",
        examples=[{"X-Order": "42"}],
        json_schema_extra={
            "maxProperties": COUNT_LIMIT,
            "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
            "additionalProperties": {"type": "string", "maxLength": TOTAL_LIMIT, "pattern": f"^{VALUE_PATTERN}$"},
        },
    ),
]


class In(BaseModel):
    """Input: what is not named is refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """Output, made from a record."""

    model_config = ConfigDict(from_attributes=True)


class ProblemField(BaseModel):
    """One bad value."""

    pointer: str = Field(description="JSON Pointer (RFC 6901) into the input.", examples=["/input/x"])
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["/problems/not-found"])
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[ProblemField] | None = Field(default=None, description="The bad values, with `invalid-input`.")
    violated_policies: list[str] | None = Field(
        default=None,
        alias="violated-policies",
        description="The limits that are reached, with `limit-reached` (draft-ietf-httpapi-ratelimit-headers-10).",
        examples=[["waiting-tasks"]],
    )
