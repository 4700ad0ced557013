"""Batches of events as they come in: a JSON array, of CloudEvents too, or NDJSON.

In NDJSON a bad line spoils nothing but itself.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import islice
from threading import Lock
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from msgspec.structs import astuple

from api.bodies import BODY_LIMIT, JSON, LONG, malformed, media_type_of, parse_json
from api.cloud_events import BATCHED, structured_event
from api.errors import ProblemError, field_errors
from api.incoming import read_plain
from api.problem_types import PROBLEM_TYPES
from api.schemas.cloud_events import CloudEventIn
from api.schemas.events import EventIn
from core.intake.outcomes import Accepted, Refusal
from core.intake.wish import EventWish
from core.model import ids
from core.model.errors import FieldError, InvalidInputError

NDJSON: Final = "application/x-ndjson"
LINES: Final = 1_000
BATCH: Final[dict[str, object]] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"type": "array", "maxItems": LINES, "items": EventIn.model_json_schema()}},
            BATCHED: {"schema": {"type": "array", "maxItems": LINES, "items": CloudEventIn.model_json_schema()}},
            NDJSON: {"schema": {"type": "string", "description": "An event on each line; empty lines do not count."}},
        },
    }
}
_STATUS: Final = {"invalid-json": 400, "conflict": 409, "gone": 410, "too-large": 413, "unsupported-media-type": 415}

_SPACE: Final = b" \t\r\n"
# An array that ends here as soon as it has one more: of millions in 16 MiB a list would be thirty times as large.
_lines: Final = msgspec.json.Decoder(
    msgspec.defstruct(
        "_Lines",
        [(f"line_{number}", msgspec.Raw, None) for number in range(LINES)],
        array_like=True,
        forbid_unknown_fields=True,
        gc=False,
    )
)
_any: Final = msgspec.json.Decoder(msgspec.Raw)
_one_long: Final = Lock()
"""Held by the thread that reads a long line: what that means takes up to thirty times its bytes as long as it is read.
None is the quicker for more of them: the decoder lets no other thread in."""

Read = Callable[[bytes], EventWish]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was sent; `compared` is what an Idempotency-Key stands for."""

    wishes: Sequence[EventWish | Refusal]
    compared: bytes


async def read_batch(request: Request) -> Batch:
    """Read any kind of batch; raise a 400 for an array that is none, a 422 for more than 1,000 lines."""
    return await batch_of(await request.body(), media_type_of(request))


async def batch_of(body: bytes, media_type: str) -> Batch:
    """Read a batch of that media type; raise as `read_batch`."""
    read = _READERS.get(media_type, _array)
    return Batch(await asyncio.to_thread(read, body) if len(body) > LONG else read(body), body)


BatchDep = Annotated[Batch, Depends(read_batch)]


def outcome_document(outcome: Accepted | Refusal) -> dict[str, object]:
    """Return what became of a line: the event's ID, or a problem (RFC 9457)."""
    if isinstance(outcome, Accepted):
        event = outcome.event
        id_ = ids.encode(ids.EVENT, event.id)
        return {"status": 202, "id": id_, "client_id": event.client_id, "deliveries": event.deliveries}
    document: dict[str, object] = {
        "status": _STATUS.get(outcome.code, 422),
        "type": f"/problems/{outcome.code}",
        "title": PROBLEM_TYPES[outcome.code].title,
        "detail": outcome.detail,
    }
    if outcome.errors:
        document["errors"] = [{"pointer": one.pointer, "detail": one.detail} for one in outcome.errors]
    return document


def _array(body: bytes, read: Read = read_plain) -> list[EventWish | Refusal]:
    try:
        if not body.lstrip(_SPACE).startswith(b"["):
            _any.decode(body.decode())
            raise InvalidInputError(FieldError("", "It is not a JSON array."))
        lines = _lines.decode(body)
    except msgspec.ValidationError:
        raise _too_many() from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(body, error) from None
    return [_line(bytes(line), read) for line in astuple(lines) if line is not None]


def _ndjson(body: bytes) -> list[EventWish | Refusal]:
    if sum(1 for _ in islice(_lines_in(body), LINES + 1)) > LINES:
        raise _too_many()
    return [_line(line, read_plain) for line in _lines_in(body)]


def _lines_in(body: bytes) -> Iterator[bytes]:
    return (line.removesuffix(b"\n") for line in BytesIO(body) if not line.isspace())


def _cloud_event(written: bytes) -> EventWish:
    return structured_event(parse_json(written), written)


BATCH_TYPES: Final = (JSON, BATCHED, NDJSON)
_READERS: Final = {NDJSON: _ndjson, BATCHED: partial(_array, read=_cloud_event)}


def _too_many() -> InvalidInputError:
    return InvalidInputError(FieldError("", f"A batch holds {LINES} events at most."))


def _line(written: bytes, read: Read) -> EventWish | Refusal:
    if len(written) > BODY_LIMIT:
        return Refusal("too-large", f"It is over {BODY_LIMIT} bytes.")
    try:
        with _one_long if len(written) > LONG else nullcontext():
            return read(written)
    except InvalidInputError as error:
        return Refusal.of(error)
    except ProblemError as error:
        return Refusal(error.code, str(error.detail))
    except RequestValidationError as error:
        found = tuple(FieldError(one["pointer"], one["detail"]) for one in field_errors(error))
        return Refusal.of(InvalidInputError(*found))
