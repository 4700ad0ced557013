"""CloudEvents 1.0 as they come in: structured, in the JSON format, or binary, their attributes in headers.

`client_id` is the source, a space and the ID: no space is in a URI reference, so that two pairs are never one. Source,
subject, `dataschema` and extensions stay as the event's attributes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.errors import ProblemError
from api.schemas.cloud_events import TEXT_PATTERN, CloudEventIn
from core.intake.wish import EventWish
from core.model.errors import FieldError, InvalidInputError
from core.model.json_value import JsonValue

STRUCTURED: Final = "application/cloudevents+json"
BATCHED: Final = "application/cloudevents-batch+json"
ATTRIBUTES_LENGTH: Final = 8 * 1024
"""Bytes of JSON that the attributes of one event may have."""
MARKS: Final = frozenset({b"ce-specversion", b"ce-id", b"ce-source", b"ce-type"})
_PREFIX: Final = b"ce-"
_NAME: Final = re.compile(r"[a-z0-9]{1,64}")
_TEXT: Final = re.compile(TEXT_PATTERN)
_ESCAPED: Final = re.compile(r"\\(.)")
_IS_JSON: Final = re.compile(r"application/json|text/json|[^/;\s]+/[^/;\s]+\+json", re.IGNORECASE)
_INTEGER: Final = 2**31

Headers = Sequence[tuple[bytes, bytes]]


class _Outline(msgspec.Struct):
    """Where the data lies in a body."""

    data: msgspec.Raw = msgspec.Raw(b"null")


def is_binary(headers: Headers) -> bool:
    """Tell whether the headers are those of a CloudEvent in binary mode, complete or not."""
    return any(name in MARKS for name, _ in headers)


def is_json_event(headers: Headers, media_type: str | None) -> bool:
    """Tell whether they are those of a CloudEvent in binary mode with JSON as its data, or with none and no body."""
    if not is_binary(headers):
        return False
    return _is_json(media_type) if media_type else dict(headers).get(b"content-length", b"0") == b"0"


def _is_json(media_type: str) -> bool:
    return _IS_JSON.fullmatch(media_type.partition(";")[0].strip()) is not None


def structured_event(value: JsonValue, written: bytes) -> EventWish:
    """Return the CloudEvent in a JSON document, given what it means and its bytes (JSON format 1.0.2, section 3).

    Raises a 415 for data that is not JSON, a 422 for what is no CloudEvent.
    """
    if isinstance(value, Mapping) and value.get("data_base64") is not None:
        raise _not_json("data_base64")
    data = bytes(msgspec.json.decode(written, type=_Outline).data) if isinstance(value, Mapping) else b""
    return _event(value, data)


def binary_event(headers: Headers, value: JsonValue, body: bytes) -> EventWish:
    """Return the CloudEvent in headers and a body (HTTP binding 1.0.2, section 3.1), whose value is given."""
    attributes = _from_headers(headers)
    for name in ("datacontenttype", "data"):
        if name in attributes:
            raise _refusal(name, "It has no header of its own.")
    return _event({**attributes, "data": value}, body or b"null")


def compared_headers(headers: Headers) -> bytes:
    """Return what of the headers belongs to the event, for an Idempotency-Key."""
    return repr(sorted(one for one in headers if one[0].startswith(_PREFIX))).encode()


def _event(value: JsonValue, data: bytes) -> EventWish:
    checked = _checked(value)
    if checked.datacontenttype and not _is_json(checked.datacontenttype):
        raise _not_json("datacontenttype")
    return EventWish(
        type=checked.type,
        data=data.strip(b" \t\r\n"),
        client_id=f"{checked.source} {checked.id}",
        timestamp=checked.time,
        attributes=_attributes(checked),
    )


def _checked(value: JsonValue) -> CloudEventIn:
    try:
        return CloudEventIn.model_validate(value)
    except ValidationError as error:
        told = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in told]) from None


def _attributes(checked: CloudEventIn) -> Mapping[str, JsonValue]:
    """Return what is kept beside ID, type, time and data; an attribute that is `null` is not there."""
    own: dict[str, JsonValue] = {
        "source": checked.source,
        "subject": checked.subject,
        "dataschema": checked.dataschema,
        **{name: _extension(name, value) for name, value in (checked.model_extra or {}).items()},
    }
    kept = {name: value for name, value in own.items() if value is not None}
    if len(json.dumps(kept)) > ATTRIBUTES_LENGTH:
        raise InvalidInputError(FieldError("", f"The attributes are longer than {ATTRIBUTES_LENGTH} bytes of JSON."))
    return kept


def _extension(name: str, value: object) -> JsonValue:
    """Return an extension's value: a text, a boolean or an integer of 32 bits (CloudEvents 1.0.2, section 3.1)."""
    if not _NAME.fullmatch(name):
        raise _refusal(name, "The name of an attribute has 1 to 64 lower-case letters and digits.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and _TEXT.fullmatch(value):
        return value
    if isinstance(value, int) and -_INTEGER <= value < _INTEGER:
        return value
    raise _refusal(name, "An attribute is a text without control characters, a boolean or an integer of 32 bits.")


def _from_headers(headers: Headers) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for header, value in headers:
        if header.startswith(_PREFIX):
            name = header.removeprefix(_PREFIX).decode("latin-1")
            if name in found:
                raise _refusal(name, "It is there more than once.")
            found[name] = _decoded(name, value)
    return found


def _decoded(name: str, value: bytes) -> str:
    """Read a header's value: quotes, then percent-encoding (HTTP binding 1.0.2, section 3.1.3.2)."""
    try:
        text = value.decode("ascii").strip(" \t")
        if len(text) > 1 and text.startswith('"') and text.endswith('"'):
            text = _ESCAPED.sub(r"\1", text[1:-1])
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _refusal(name, "The header is not percent-encoded UTF-8.") from None


def _refusal(name: str, detail: str) -> InvalidInputError:
    escaped = name.replace("~", "~0").replace("/", "~1")
    return InvalidInputError(FieldError(f"/{escaped}", detail))


def _not_json(name: str) -> ProblemError:
    detail = f"Data that is not JSON is not taken ({name})."
    return ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
