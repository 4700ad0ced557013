"""What comes with `POST /v1/tasks`: JSON, or a form that carries a file beside the same fields as JSON text."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, cast

import msgspec
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.bodies import BODY_LIMIT, FILE_LIMIT, FORM, JSON, LONG, media_type_of, parse_json, too_large
from api.errors import ProblemError
from api.forms import Part, canonical, parse_form
from api.schemas.tasks import TaskIn
from core.intake.accept import SentFile
from core.model.errors import FieldError, InvalidInputError
from core.model.json_value import JsonValue
from core.registry.task_types import FILE_FIELD

NAME_LIMIT: Final = 255
INPUT_FIELD: Final = "input"
_TEXT: Final = "type"

_TASK: Final[dict[str, object]] = TaskIn.model_json_schema(ref_template="#/components/schemas/{model}")
_TASK.pop("$defs")
_FIELDS: Final = cast("dict[str, object]", _TASK["properties"])
SUBMISSION: Final[dict[str, object]] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": _TASK, "example": {"type": "math.divide", "input": {"x": 1, "y": 4}}},
            FORM: {
                "schema": {
                    "type": "object",
                    "title": "TaskForm",
                    "description": f"A task with a file of at most {FILE_LIMIT} bytes; all but `type` is JSON text.",
                    "properties": {FILE_FIELD: {"type": "string", "format": "binary"}, **_FIELDS},
                    "required": [_TEXT],
                    "additionalProperties": False,
                },
                "example": {"type": "words.count", "file": "one two three"},
                "encoding": {name: {"contentType": JSON} for name in _FIELDS if name != _TEXT},
            },
        },
    }
}


@dataclass(slots=True)
class Submission:
    """A task as it was sent, as JSON or in the parts of a form; `input` are the bytes of the input."""

    body: TaskIn
    input: bytes
    file: SentFile | None
    sent: bytes | tuple[Part, ...]

    @property
    def compared(self) -> bytes:
        """What an Idempotency-Key stands for."""
        return self.sent if isinstance(self.sent, bytes) else canonical(self.sent)

    def let_go(self) -> None:
        """Keep nothing of what was sent: who waits for the end would hold ten megabytes for a minute."""
        self.input, self.file, self.sent = b"", None, b""


class _Outline(msgspec.Struct):
    """Where the input lies in a body."""

    input: msgspec.Raw


async def read_submission(request: Request) -> Submission:
    """Read either kind of body; raise a 400, 413 or 422 for what is none."""
    body = b"".join([chunk async for chunk in request.stream()])  # `body()` would keep it as long as the request
    if media_type_of(request) != FORM:
        checked = _checked(parse_json(body))
        return Submission(checked, bytes(msgspec.json.decode(body, type=_Outline).input), None, body)
    read = partial(parse_form, request.headers["content-type"], body)
    parts = await asyncio.to_thread(read) if len(body) > LONG else read()
    file = next((_file(part) for part in parts if part.name == FILE_FIELD), None)
    texts = [part for part in parts if part.name != FILE_FIELD]
    if sum(len(part.content) for part in texts) > BODY_LIMIT:
        raise too_large(BODY_LIMIT)
    if problems := tuple(_problems(parts)):
        raise InvalidInputError(*problems)
    values: dict[str, JsonValue] = {INPUT_FIELD: dict[str, JsonValue](), **{part.name: _value(part) for part in texts}}
    input_ = next((part.content for part in texts if part.name == INPUT_FIELD), b"{}")
    return Submission(_checked(values), input_, file, parts)


SubmissionDep = Annotated[Submission, Depends(read_submission)]


def _checked(value: JsonValue) -> TaskIn:
    try:
        return TaskIn.model_validate(value)
    except ValidationError as error:
        told = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in told]) from None


def _file(part: Part) -> SentFile:
    if len(part.content) > FILE_LIMIT:
        raise too_large(FILE_LIMIT)
    return SentFile(part.filename or "", part.media_type or "application/octet-stream", part.content)


def _problems(parts: tuple[Part, ...]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for part in parts:
        pointer = f"/{part.name.replace('~', '~0').replace('/', '~1')}"
        if part.name not in {FILE_FIELD, *_FIELDS}:
            yield FieldError(pointer, "There is no such field.")
        elif part.name in seen:
            yield FieldError(pointer, "It is there twice.")
        elif part.name == FILE_FIELD and len(part.filename or "") > NAME_LIMIT:
            yield FieldError(pointer, f"Its name is longer than {NAME_LIMIT} characters.")
        elif part.name != FILE_FIELD and _is_malformed(part):
            yield FieldError(pointer, "It is not JSON in UTF-8.")
        seen.add(part.name)


def _is_malformed(part: Part) -> bool:
    try:
        _value(part)
    except (ProblemError, UnicodeDecodeError):
        return True
    return False


def _value(part: Part) -> JsonValue:
    return part.content.decode() if part.name == _TEXT else parse_json(part.content)
