"""Batches of events as they come in: a JSON array, of CloudEvents too, or NDJSON.

In NDJSON a bad line spoils nothing but itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError

from api.bodies import BODY_LIMIT, JSON, media_type_of, parse_json
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
LONG: Final = 256 * 1024
"""Bytes from which on a thread reads the batch, so that nobody else waits for it."""
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
        lines = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parse_json(body)  # says where the mistake is
        raise InvalidInputError(FieldError("", "It is not a JSON array.")) from None
    _check_count(len(lines))
    return [_line(bytes(line), read) for line in lines]


def _ndjson(body: bytes) -> list[EventWish | Refusal]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    _check_count(len(lines))
    return [_line(line, read_plain) for line in lines]


def _cloud_event(written: bytes) -> EventWish:
    return structured_event(parse_json(written), written)


BATCH_TYPES: Final = (JSON, BATCHED, NDJSON)
_READERS: Final = {NDJSON: _ndjson, BATCHED: partial(_array, read=_cloud_event)}


def _check_count(lines: int) -> None:
    if lines > LINES:
        raise InvalidInputError(FieldError("", f"A batch holds {LINES} events at most."))


def _line(written: bytes, read: Read) -> EventWish | Refusal:
    if len(written) > BODY_LIMIT:
        return Refusal("too-large", f"It is over {BODY_LIMIT} bytes.")
    try:
        return read(written)
    except InvalidInputError as error:
        return Refusal.of(error)
    except ProblemError as error:
        return Refusal(error.code, str(error.detail))
    except RequestValidationError as error:
        found = tuple(FieldError(one["pointer"], one["detail"]) for one in field_errors(error))
        return Refusal.of(InvalidInputError(*found))
