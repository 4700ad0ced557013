"""Task types: what the workers offer, as the API sees it without their code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from core.model.errors import FieldError
from core.model.json_value import JsonValue

FILE_FIELD: Final = "file"
"""The name of the one field and parameter that may be a file."""
FILE_MARK: Final = "x-ringback-file"
"""The keyword by which a schema says that a file has to be sent for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskType:
    """A registered function: its schemas are JSON Schema 2020-12, its limits seconds."""

    name: str
    description: str
    queue: str
    input_schema: Mapping[str, object]
    output_schema: Mapping[str, object]
    soft_time_limit: int
    hard_time_limit: int
    retry_policy: Mapping[str, object]

    @property
    def fingerprint(self) -> str:
        """A short name for exactly this version of the type."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def max_attempts(self) -> int:
        """How often the task may run before a failure that could be retried is final."""
        attempts = self.retry_policy.get("max_attempts", 1)
        return attempts if isinstance(attempts, int) else 1

    @property
    def takes_file(self) -> bool:
        """Whether a file may be sent for it."""
        models = cast("Mapping[str, Mapping[str, object]]", self.input_schema.get("$defs", {}))
        return any(FILE_MARK in model for model in models.values())

    def problems(self, value: JsonValue) -> tuple[FieldError, ...]:
        """Return what is wrong with an input, or nothing."""
        validator = _validator(json.dumps(self.input_schema, sort_keys=True))
        return tuple(_field_error(error) for error in validator.iter_errors(value))  # pyright: ignore[reportUnknownMemberType] - a deprecated overload


@lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def _field_error(error: ValidationError) -> FieldError:
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.absolute_path)
    return FieldError(f"/input{pointer}", error.message)
