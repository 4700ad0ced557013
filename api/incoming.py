"""Events as they come in: read strictly, their data in the bytes that were sent."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.bodies import JSON, media_type_of, parse_json
from api.cloud_events import STRUCTURED, Headers, binary_event, compared_headers, is_binary, structured_event
from api.schemas.cloud_events import CloudEventIn
from api.schemas.events import EventIn
from core.intake.wish import EventWish
from core.model.json_value import JsonValue

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


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event as it was sent; `compared` is what an Idempotency-Key stands for."""

    wish: EventWish
    compared: bytes


class _Outline(msgspec.Struct):
    """Where the data lies in a body."""

    data: msgspec.Raw


async def read_incoming(request: Request) -> Incoming:
    """Read an event, a CloudEvent of either mode too; raise a 400, 413, 415 or 422 for what is none."""
    body = await request.body()
    if media_type_of(request) == STRUCTURED:
        return Incoming(structured_event(parse_json(body), body), body)
    headers: Headers = request.scope["headers"]
    if is_binary(headers):
        value = parse_json(body) if body else None
        return Incoming(binary_event(headers, value, body), compared_headers(headers) + body)
    return Incoming(plain_event(parse_json(body), body), body)


IncomingDep = Annotated[Incoming, Depends(read_incoming)]


def plain_event(value: JsonValue, written: bytes) -> EventWish:
    """Return the event in a JSON document, given what it means and its bytes."""
    checked = _checked(value)
    return EventWish(
        type=checked.type,
        data=bytes(msgspec.json.decode(written, type=_Outline).data).strip(b" \t\r\n"),
        value=checked.data,  # pyright: ignore[reportArgumentType] - it was read as JSON
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
