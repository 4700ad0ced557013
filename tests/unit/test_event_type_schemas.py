"""The schemas of event types: checked, and bounded in the work that they make."""

from collections.abc import Mapping

import pytest

from core.model.errors import InvalidInputError
from core.model.json_value import JsonValue
from core.model.pattern_size import size_of
from core.model.schema_weight import HEAVIEST, PATTERNS, SMALLEST, STEPS, weigh
from core.registry.event_types import DETAILED, DETAILED_LENGTH, WORK, DataSchema, EventTypeWish, check_event_type

Schema = Mapping[str, JsonValue]


def refused(schema: Schema) -> list[str]:
    with pytest.raises(InvalidInputError) as raised:
        DataSchema(schema)
    return [one.pointer for one in raised.value.errors]


def chain(links: int, *, times: int = 1) -> Schema:
    """Return a schema whose references lie in each other, each of them that many times."""
    defs: dict[str, JsonValue] = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * times} for n in range(links)}
    return {"$ref": "#/$defs/a0", "$defs": {**defs, f"a{links}": {"type": "integer"}}}


EXPLODES = "a[ab]{5000}c"
"""A text of `a` and `b` may be in all of its 5,000 states at once."""
ENDLESS = [
    {"$ref": "#"},
    {"allOf": [{"$ref": "#"}]},
    {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
]
OUTSIDE = ["https://example.com/x", "other.json", "#anchor", "#/$defs/missing", "#/type", "file:///etc/passwd", 7]
NO_SCHEMA = [
    ({"type": "nope"}, "/schema/type"),
    ({"items": [True]}, "/schema/items"),
    ({"pattern": "(?=a)"}, "/schema/pattern"),
    ({"pattern": r"(a)\1"}, "/schema/pattern"),
    ({"pattern": r"(\w{1,1000}){1000}"}, "/schema/pattern"),
    ({"properties": {"a/b": {"minimum": "1"}}}, "/schema/properties/a~1b/minimum"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/schema/$schema"),
    ({"properties": {"a": {"$id": "https://example.com/a"}}}, "/schema"),
    ({"$dynamicRef": "#x"}, "/schema"),
]


@pytest.mark.parametrize("schema", ENDLESS)
def test_a_schema_that_refers_to_itself_without_end_is_refused(schema: Schema) -> None:
    assert refused(schema) == ["/schema"]


@pytest.mark.parametrize("reference", OUTSIDE)
def test_a_reference_to_anything_outside_is_refused(reference: JsonValue) -> None:
    assert refused({"properties": {"a": {"$ref": reference}}}) == ["/schema"]


@pytest.mark.parametrize(("schema", "pointer"), NO_SCHEMA)
def test_what_is_no_schema_is_refused_with_its_place(schema: Schema, pointer: str) -> None:
    assert refused(schema) == [pointer]


@pytest.mark.parametrize("schema", [chain(STEPS), chain(5_000), chain(5, times=20), chain(5_000, times=2)])
def test_a_schema_whose_references_multiply_is_refused(schema: Schema) -> None:
    assert refused(schema) == ["/schema"]


def test_a_schema_that_branches_at_each_level_of_the_data_is_refused() -> None:
    branch: JsonValue = {"properties": {"a": {"$ref": "#"}}}

    assert refused({"anyOf": [branch, branch, {"const": 1}]}) == ["/schema"]


def test_a_schema_that_looks_for_what_is_left_over_again_and_again_is_refused() -> None:
    levels: Schema = {
        "unevaluatedProperties": False,
        "allOf": [{"unevaluatedProperties": False, "allOf": [{"minimum": 1}] * 999}],
    }

    assert refused(levels) == ["/schema"]


def test_a_schema_that_is_heavy_deep_in_the_data_is_refused() -> None:
    heavy: dict[str, JsonValue] = {"anyOf": [{}] * HEAVIEST}
    for _ in range(60):
        heavy = {"items": heavy}

    assert refused(heavy) == ["/schema"]


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("^[A-Z]{3}$", 512),
        (r"^\d{4}-\d{2}-\d{2}$", 1024),
        ("^.{1,255}$", 512 * 1024),
        ("(?=a)", None),
        (r"\p{L}{50}", None),
    ],
)
def test_a_pattern_is_as_large_as_its_automaton(pattern: str, size: int | None) -> None:
    assert size_of(pattern) == size


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": EXPLODES},
        {"patternProperties": {"a[ab]{900}c": True}},
        {"allOf": [{"pattern": f"a[ab]{{90}}{n}"} for n in range(20)]},
    ],
)
def test_of_what_patterns_may_look_at_long_only_little_is_checked(schema: Schema) -> None:
    one = DataSchema(schema)

    (problem,) = one.problems("ab" * 32 * 1024, 64 * 1024)

    assert (problem.pointer, "too long" in problem.detail) == ("/data", True)
    assert one.work(4 * 1024) < WORK


@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {f"x{n}": True for n in range(PATTERNS // SMALLEST // 2 + 1)}},
        {"properties": {str(n): {"pattern": "^.{1,255}$"} for n in range(3)}},
        {"allOf": [{"$ref": "#/$defs/a"}] * 9, "$defs": {"a": {"pattern": EXPLODES}}},
    ],
)
def test_a_schema_with_too_many_or_too_long_patterns_is_refused(schema: Schema) -> None:
    assert refused(schema) == ["/schema"]


def test_what_does_not_fit_usual_patterns_is_told_with_its_place() -> None:
    date: JsonValue = {"pattern": r"^\d{4}-\d{2}-\d{2}$"}
    schema = DataSchema({"properties": {f"day{n}": date for n in range(50)}})

    assert [one.pointer for one in schema.problems({"day7": "today", "day8": "2026-11-23"}, 1024)] == ["/data/day7"]


def test_a_tree_refers_to_itself_and_is_light() -> None:
    tree: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/tree",
        "type": "object",
        "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    }

    assert weigh(tree).whole < HEAVIEST / 100
    assert not DataSchema(tree).problems({"children": [{"children": [{"value": 1}]}]}, 40)
    assert [one.pointer for one in DataSchema(tree).problems({"children": [{"value": "x"}]}, 40)] == [
        "/data/children/0/value"
    ]


def test_each_bad_value_is_told_with_its_place() -> None:
    schema = DataSchema({"required": ["a"], "properties": {"b/c": {"type": "string"}}})

    assert [one.pointer for one in schema.problems({"b/c": 1}, 10)] == ["/data", "/data/b~1c"]


def test_of_many_values_only_that_they_do_not_fit_is_told() -> None:
    values: list[JsonValue] = [{}] * DETAILED

    (problem,) = DataSchema({"items": {"required": ["a", "b"]}}).problems(values, 3 * len(values))

    assert (problem.pointer, "does not fit" in problem.detail) == ("/data", True)


@pytest.mark.parametrize(("length", "said"), [(DETAILED_LENGTH + 1, "does not fit"), (WORK, "too long")])
def test_of_much_data_only_that_it_does_not_fit_is_told(length: int, said: str) -> None:
    (problem,) = DataSchema({"enum": [1, 2]}).problems(3, length)

    assert (problem.pointer, said in problem.detail) == ("/data", True)


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"name": "task.x"}, "/name"),
        ({"name": "endpoint.x"}, "/name"),
        ({"schema": {"description": "x" * 64 * 1024}}, "/schema"),
        ({"schema": {"description": "\0"}}, "/schema"),
        ({"example": "x" * 64 * 1024}, "/example"),
        ({"example": {"\0": 1}}, "/example"),
        ({"schema": {"properties": {"a": {"type": "string"}}}, "example": {"a": 1}}, "/example/a"),
        ({"schema": {"pattern": EXPLODES}, "example": "ab" * 2048}, "/example"),
    ],
)
def test_a_description_that_is_not_allowed_is_refused(changed: Mapping[str, JsonValue], pointer: str) -> None:
    told: dict[str, JsonValue] = {"name": "order.paid", "schema": None, "example": None, **changed}
    schema = told["schema"]
    assert schema is None or isinstance(schema, Mapping)

    with pytest.raises(InvalidInputError) as raised:
        check_event_type(
            EventTypeWish(name=str(told["name"]), description=None, schema=schema, example=told["example"])
        )

    assert [one.pointer for one in raised.value.errors] == [pointer]


def test_a_backslash_before_u0000_is_no_nul() -> None:
    check_event_type(EventTypeWish(name="a", description=None, schema=None, example="\\u0000"))
