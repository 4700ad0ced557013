"""Events as they come in: read strictly, their data in the bytes that were sent."""

from functools import lru_cache
from typing import Annotated, Final, cast

import msgspec
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.bodies import DEPTH_LIMIT, JSON, is_deep, media_type_of, parse_json
from api.cloud_events import STRUCTURED, Headers, binary_event, compared_headers, is_binary, structured_event
from api.schemas.cloud_events import CloudEventIn
from api.schemas.events import EventIn
from core.intake.wish import EventWish
from core.model.json_value import JsonValue
from core.model.matching import is_event_type

INCOMING: Final[dict[str, object]] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": EventIn.model_json_schema()},
            STRUCTURED: {"schema": CloudEventIn.model_json_schema()},
        },
    }
}
MEDIA_TYPES: Final = (JSON, STRUCTURED)
_NUL: Final = "\x00"
_SPACE: Final = b" \t\r\n"


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """An event as it was sent; `compared` is what an Idempotency-Key stands for."""

    wish: EventWish
    compared: bytes


class _Outline(msgspec.Struct, gc=False):
    """Where the data lies in a body."""

    data: msgspec.Raw


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event as nearly all come: what does not fit is read again by `EventIn`, which says what is wrong with it."""

    type: str
    data: object
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    timestamp: None = None
    ordering_key: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None


_outline: Final = msgspec.json.Decoder(_Outline)
_plain: Final = msgspec.json.Decoder(_Plain)
_is_type: Final = lru_cache(maxsize=4096)(is_event_type)


async def read_incoming(request: Request) -> Incoming:
    """Read an event, a CloudEvent of either mode too; raise a 400, 413, 415 or 422 for what is none."""
    body = await request.body()
    if media_type_of(request) == STRUCTURED:
        return Incoming(structured_event(parse_json(body), body), body)
    headers: Headers = request.scope["headers"]
    if is_binary(headers):
        value = parse_json(body) if body else None
        return Incoming(binary_event(headers, value, body), compared_headers(headers) + body)
    return Incoming(read_plain(body), body)


IncomingDep = Annotated[Incoming, Depends(read_incoming)]


def read_plain(written: bytes) -> EventWish:
    """Read an event in JSON; raise a 400 for what is none, a 422 for bad values.

    Both ways take and refuse the same; the first one is many times as fast.
    """
    return read_usual(written) or plain_event(parse_json(written), written)


def read_usual(written: bytes) -> EventWish | None:
    """Read an event as nearly all come; `None` for one that has to be looked at more thoroughly."""
    try:
        read = _plain.decode(written)
        data = bytes(_outline.decode(written).data).strip(_SPACE)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    client_id, key = read.id, read.ordering_key
    kept = _NUL not in (client_id or "") and _NUL not in (key or "")
    if not kept or not _is_type(read.type) or is_deep(data, cast("JsonValue", read.data), DEPTH_LIMIT - 1):
        return None
    return EventWish(type=read.type, data=data, client_id=client_id, ordering_key=key)


def plain_event(value: JsonValue, written: bytes) -> EventWish:
    """Return the event in a JSON document, given what it means and its bytes."""
    checked = _checked(value)
    return EventWish(
        type=checked.type,
        data=bytes(_outline.decode(written).data).strip(_SPACE),
        client_id=checked.id,
        timestamp=checked.timestamp,
        ordering_key=checked.ordering_key,
    )


def _checked(value: JsonValue) -> EventIn:
    try:
        return EventIn.model_validate(value)
    except ValidationError as error:
        told = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in told]) from None
