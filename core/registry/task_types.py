"""Task types: what the workers offer, as the API sees it without their code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Final, cast

from jsonschema_rs import Draft202012Validator, ValidationError

from core.model.errors import FieldError
from core.model.json_value import JsonValue
from core.model.json_walk import holds_at_most, parts_of
from core.registry.findings import field_error, field_errors

LIVE_FOR: Final = 30
"""Seconds after which a version that no worker offers any more is forgotten, while another one is offered."""
KNOWN_FOR: Final = 86_400
"""Seconds after which a type that no worker offers any more is unknown, while others are offered.

A day: pools of workers are rolled one after the other, and one of them may stand still for a night. What was accepted
of it waits on, and runs if it comes back.
"""
FILE_FIELD: Final = "file"
"""The name of the one field and parameter that may be a file."""
FILE_MARK: Final = "x-ringback-file"
"""The keyword by which a schema says that a file has to be sent for it."""

OWN: Final = frozenset({"endpoints.check", "endpoints.recover"})
"""Types that Ringback runs for itself: whoever starts one polls it, and no endpoint is told."""

DETAILED: Final = 500
"""Values in an input, those within others too, up to which each bad one is told: the library makes all of its findings
before it gives the first, and of one empty object it makes as many as there are required fields. 10 us each."""
DETAILED_LENGTH: Final = 64 * 1024
"""Bytes of such an input: a finding copies its value, and with it all that lies in that."""


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

    def takes(self, value: JsonValue) -> bool:
        """Tell whether an input fits: the library stops at the first value that does not."""
        return self.validator.is_valid(value)

    def problems(self, value: JsonValue, length: int) -> tuple[FieldError, ...]:
        """Return what is wrong with an input that is `length` bytes long, or nothing.

        Of a long one it is the first thing alone, without its place where that would take a look at everything.
        """
        if self.takes(value):
            return ()
        if length <= DETAILED_LENGTH and holds_at_most(DETAILED, value):
            return field_errors(self.validator, value, "/input")
        return (self._first_problem(value),)

    def _first_problem(self, value: JsonValue) -> FieldError:
        try:
            if not self._gathers:
                self.validator.validate(value)
        except ValidationError as error:
            return field_error("/input", error)
        return FieldError("/input", "It does not fit the schema of its type.")

    @cached_property
    def _gathers(self) -> bool:
        """Whether an alternative of its schema looks into values: the first finding brings all of those within it."""
        pending: list[JsonValue] = [cast("JsonValue", self.input_schema)]
        while pending:
            one = pending.pop()
            if isinstance(one, Mapping) and any(_looks_within(one.get(name)) for name in ("anyOf", "oneOf")):
                return True
            pending.extend(parts_of(one))
        return False

    @cached_property
    def validator(self) -> Draft202012Validator:
        """What checks inputs; it never fetches a schema that another one refers to."""
        return Draft202012Validator(dict(self.input_schema), retriever=_refuse)


def _looks_within(alternatives: JsonValue) -> bool:
    """Tell whether one of them has a subschema or a reference."""
    branches = [one for one in parts_of(alternatives) if isinstance(one, Mapping)]
    parts = [part for branch in branches for part in branch.values()]
    within = [one for part in parts for one in (part, *(part if isinstance(part, list) else ()))]
    return any("$ref" in one for one in branches) or any(isinstance(one, Mapping) for one in within)


def _refuse(uri: str) -> dict[str, object]:
    raise ValueError(f"{uri} is not part of the schema")
