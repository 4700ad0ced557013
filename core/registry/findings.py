"""What a schema finds wrong with a value, as the API tells it."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from jsonschema_rs import Draft202012Validator, ValidationError

from core.model.errors import FieldError
from core.model.json_value import JsonValue

MOST_PROBLEMS: Final = 20
"""Bad values that are told; one input may hold a hundred thousand."""
DETAIL_LENGTH: Final = 500
"""Characters of what is said about a bad value: it quotes the value."""


def field_errors(validator: Draft202012Validator, value: JsonValue, pointer: str) -> tuple[FieldError, ...]:
    """Return the first bad values of what lies at `pointer`; the library makes all of its findings before that."""
    return tuple(field_error(pointer, one) for one in islice(validator.iter_errors(value), MOST_PROBLEMS))


def field_error(pointer: str, error: ValidationError) -> FieldError:
    """Return a finding about what lies at `pointer`, or within it."""
    return FieldError(f"{pointer}{_pointer_of(error.instance_path)}", error.message[:DETAIL_LENGTH])


def _pointer_of(path: Sequence[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of a path."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
