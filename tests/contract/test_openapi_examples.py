"""The OpenAPI document shows what it describes: each example fits its schema, and each error its page."""

from collections.abc import Iterator
from typing import cast

import jsonschema_rs
import pytest

from api.app import create_app
from api.problem_types import PROBLEM_TYPES
from core.settings import Settings
from tests.support.accounts import Json

DOCUMENT: Json = create_app(Settings()).openapi()
COMPONENTS = cast("dict[str, dict[str, Json]]", DOCUMENT["components"])


def _operations() -> Iterator[tuple[str, Json]]:
    for section in ("paths", "webhooks"):
        for path, operations in cast("dict[str, dict[str, Json]]", DOCUMENT[section]).items():
            for method, operation in operations.items():
                yield f"{method} {path}", operation


def _responses(operation: Json) -> dict[str, Json]:
    return cast("dict[str, Json]", operation["responses"])


def _contents(operation: Json) -> Iterator[tuple[str, Json]]:
    """Give each media type of a request and of its answers."""
    bodies = {"request": cast("Json", operation.get("requestBody", {})), **_responses(operation)}
    for name, body in bodies.items():
        for media_type, content in cast("dict[str, Json]", body.get("content", {})).items():
            yield f"{name} {media_type}", content


def _schemas(names: dict[str, Json]) -> Iterator[tuple[str, Json, object]]:
    """Give each example with its name and its schema."""
    for name, content in names.items():
        many = cast("dict[str, Json]", content.get("examples", {}))
        for which, value in [("", content.get("example")), *((which, one["value"]) for which, one in many.items())]:
            if value is not None:
                yield f"{name} {which}".strip(), cast("Json", content.get("schema", {})), value


OPERATIONS = dict(_operations())
ERRORS: dict[str, Json] = {f"error {name}": {"responses": {name: one}} for name, one in COMPONENTS["responses"].items()}
CONTENTS = {
    f"{name} {which}": content for name, one in {**OPERATIONS, **ERRORS}.items() for which, content in _contents(one)
}
PARAMETERS = (
    {
        f"{name} {one.get('name', one.get('$ref'))}": one
        for name, operation in OPERATIONS.items()
        for one in cast("list[Json]", operation.get("parameters", []))
    }
    | COMPONENTS["parameters"]
    | COMPONENTS["headers"]
)
EXAMPLES = {name: (schema, value) for name, schema, value in _schemas({**CONTENTS, **PARAMETERS})}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_its_schema(name: str) -> None:
    schema, value = EXAMPLES[name]

    jsonschema_rs.validator_for({**schema, "components": COMPONENTS}, validate_formats=True).validate(value)


@pytest.mark.parametrize("name", [name for name, content in CONTENTS.items() if content.get("schema")])
def test_every_body_has_an_example(name: str) -> None:
    assert {"example", "examples"} & set(CONTENTS[name])


@pytest.mark.parametrize("code", sorted(PROBLEM_TYPES.keys() - {"method-not-allowed", "upgrade-required"}))
def test_every_problem_type_is_shown_at_its_status(code: str) -> None:
    shown = [name for name in EXAMPLES if name.startswith("error ") and name.endswith(f" {code}")]

    assert len(shown) == 1
    assert EXAMPLES[shown[0]][1] == PROBLEM_TYPES[code].example(code)


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if one["tags"] != ["webhooks"]])
def test_every_error_is_a_problem(name: str) -> None:
    operation = OPERATIONS[name]

    errors = {status: one for status, one in _responses(operation).items() if status.isdecimal() and int(status) >= 400}
    plain = {(name, status) for status, one in errors.items() if not _is_problem(one)}
    assert plain <= {("get /readyz", "503")}


def _is_problem(response: Json) -> bool:
    return "$ref" in response or list(cast("Json", response.get("content", {}))) == ["application/problem+json"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_tag_is_described(name: str) -> None:
    described = {str(tag["name"]) for tag in cast("list[Json]", DOCUMENT["tags"])}

    assert set(cast("list[str]", OPERATIONS[name]["tags"])) <= described


def test_operations_are_named_apart() -> None:
    names = [str(operation["operationId"]) for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)
