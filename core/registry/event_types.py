"""Event types: what a tenant says of the events that it sends. The schema of one is a stranger's: it is bounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from jsonschema_rs import Draft202012Validator, ValidationError

from core.model.errors import FieldError, InvalidInputError
from core.model.json_value import JsonValue
from core.model.json_walk import holds_at_most
from core.model.matching import RESERVED
from core.model.pattern_size import options
from core.model.schema_weight import weigh
from core.registry.findings import field_error, field_errors

TYPES: Final = 1_000
"""Event types that a tenant may describe."""
SCHEMA_LENGTH: Final = 64 * 1024
"""Bytes of a schema, and of an example."""
WORK: Final = 256 * 1024 * 1024
"""Bytes of data times weight of the schema: a second or so at the worst, for weights that no sane schema has."""
EXAMPLE_WORK: Final = WORK // 16
"""The same for an example, which is checked when it is described."""
DETAILED: Final = 10_000
"""Values of data times weight without patterns, up to which each bad value is told: the library makes all of its
findings before it gives the first, 10 us and 2 KB each."""
DETAILED_LENGTH: Final = 64 * 1024
"""Bytes of such data: a finding copies its value, and with it all that lies in that."""
DETAILED_IN_ALL: Final = WORK // 64
"""Bytes of it times weight: with patterns it looks at all of it twice then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypeWish:
    """An event type as it is described; `None` where nothing is said."""

    name: str
    description: str | None
    schema: Mapping[str, JsonValue] | None
    example: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypeRecord:
    """An event type as Postgres holds it."""

    name: str
    description: str | None
    schema: Mapping[str, JsonValue] | None
    example: JsonValue
    created_at: datetime
    updated_at: datetime


class DataSchema:
    """A JSON Schema (2020-12) that the data of events has to fit."""

    def __init__(self, schema: Mapping[str, JsonValue]) -> None:
        """Compile it; raise `InvalidInputError` at `/schema` for what is none, or would take too much work."""
        self._weight: Final = weigh(schema)
        self.memory: Final = _memory(self._weight.patterns, len(msgspec.json.encode(schema)))
        """Bytes that it takes as long as it is kept, roughly."""
        try:
            self._validator: Final = Draft202012Validator(dict(schema), pattern_options=options(), offline=True)
        except ValidationError as error:
            raise InvalidInputError(field_error("/schema", error)) from None
        except ValueError:
            raise InvalidInputError(FieldError("/schema", "It is not a JSON Schema (2020-12).")) from None

    def work(self, length: int) -> int:
        """Return what checking data of so many bytes takes at most, in the unit of `WORK`."""
        return self._weight.whole * length

    def problems(self, value: JsonValue, length: int, *, pointer: str = "/data") -> tuple[FieldError, ...]:
        """Return what is wrong with data that is `length` bytes long, or nothing."""
        work = self.work(length)
        if work > WORK:
            return (FieldError(pointer, "It is too long to be checked against the schema of its type."),)
        if self._validator.is_valid(value):
            return ()
        if not self._tells_each(value, length):
            return (FieldError(pointer, "It does not fit the schema of its type."),)
        return field_errors(self._validator, value, pointer)

    def _tells_each(self, value: JsonValue, length: int) -> bool:
        if length > DETAILED_LENGTH or self.work(length) > DETAILED_IN_ALL:
            return False
        return holds_at_most(DETAILED // self._weight.structure, value)


def _memory(patterns: int, length: int) -> int:
    """Return what a compiled schema takes, given the bytes of its automata and of its text: at most."""
    return 16 * patterns + 32 * length


def check_event_type(wish: EventTypeWish) -> None:
    """Raise `InvalidInputError` for a type of the platform's own, a schema that is none, an example that does not fit.

    What Postgres cannot keep in JSON, the character U+0000, is refused too.
    """
    if wish.name.startswith(RESERVED):
        raise InvalidInputError(FieldError("/name", f"Types that start with {', '.join(RESERVED)} are the platform's."))
    written = {"/schema": msgspec.json.encode(wish.schema), "/example": msgspec.json.encode(wish.example)}
    for pointer, text in written.items():
        if len(text) > SCHEMA_LENGTH:
            raise InvalidInputError(FieldError(pointer, f"It is longer than {SCHEMA_LENGTH} bytes of JSON."))
        if b"\\u0000" in text.replace(b"\\\\", b""):
            raise InvalidInputError(FieldError(pointer, "It holds a character that cannot be kept."))
    if wish.schema is None:
        return
    schema = DataSchema(wish.schema)
    if wish.example is not None:
        if schema.work(len(written["/example"])) > EXAMPLE_WORK:
            raise InvalidInputError(FieldError("/example", "It is too long to be checked against the schema."))
        problems = schema.problems(wish.example, len(written["/example"]), pointer="/example")
        if problems:
            raise InvalidInputError(*problems)
