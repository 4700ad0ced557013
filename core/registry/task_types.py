"""Task types: what the workers offer, as the API sees it without their code."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from typing import Final, cast

from jsonschema_rs import Draft202012Validator

from core.model.errors import FieldError
from core.model.json_value import JsonValue

LIVE_FOR: Final = 30
"""Seconds after which a version that no worker offers any more is forgotten, while another one is offered."""
FILE_FIELD: Final = "file"
"""The name of the one field and parameter that may be a file."""
FILE_MARK: Final = "x-ringback-file"
"""The keyword by which a schema says that a file has to be sent for it."""

OWN: Final = frozenset({"endpoints.check", "endpoints.recover"})
"""Types that Ringback runs for itself: whoever starts one polls it, and no endpoint is told."""

MOST_PROBLEMS: Final = 20
"""Bad values that are told; one input may hold a hundred thousand."""
DETAIL_LENGTH: Final = 500
"""Characters of what is said about a bad value: it quotes the value."""


@dataclass(frozen=True, kw_only=True)  # no slots: what is made of its fields is kept beside them
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

    @cached_property
    def takes_file(self) -> bool:
        """Whether a file may be sent for it."""
        models = cast("Mapping[str, Mapping[str, object]]", self.input_schema.get("$defs", {}))
        return any(FILE_MARK in model for model in models.values())

    def problems(self, value: JsonValue) -> tuple[FieldError, ...]:
        """Return what is wrong with an input, or nothing."""
        found = islice(self.validator.iter_errors(value), MOST_PROBLEMS)
        return tuple(FieldError(f"/input{pointer_of(one.instance_path)}", one.message[:DETAIL_LENGTH]) for one in found)

    @cached_property
    def validator(self) -> Draft202012Validator:
        """What checks inputs; it never fetches a schema that another one refers to."""
        return Draft202012Validator(dict(self.input_schema), retriever=_refuse)


def _refuse(uri: str) -> dict[str, object]:
    raise ValueError(f"{uri} is not part of the schema")


def pointer_of(path: Sequence[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of a path."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
