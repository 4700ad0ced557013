from collections.abc import Callable
from uuid import uuid4

import pytest
from pydantic import BaseModel

from core.model.errors import FieldError
from core.model.json_value import JsonValue
from core.registry.findings import DETAIL_LENGTH, MOST_PROBLEMS
from core.registry.task_types import DETAILED, DETAILED_LENGTH, TaskType
from workers.task_types import mathematics, words
from workers.task_types.define import Retry, TaskContext, TaskFile, defined, task_type


class Item(BaseModel):
    """A thing to be counted."""

    name: str
    amount: int = 1


def a_function(_context: TaskContext, *, items: list[Item], note: str = "none") -> dict[str, int]:
    """Count things."""
    return {note: len(items)}


def fresh() -> str:
    """Return a name that no task type has."""
    return f"tests.{uuid4().hex}"


def kind(function: Callable[..., object], *, attempts: int = 1, **limits: int) -> TaskType:
    """Define a task type and return what is registered of it."""
    name = fresh()
    retry = Retry(on=(ConnectionError,), stop_after_attempt=attempts)
    task_type(name, retry=retry, **limits)(function)  # pyright: ignore[reportArgumentType] - numbers only
    return defined()[name].kind


def test_the_parameters_become_the_input_schema() -> None:
    schema = kind(a_function).input_schema

    assert schema["type"] == "object"
    assert schema["required"] == ["items"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "items": {"items": {"$ref": "#/$defs/Item"}, "title": "Items", "type": "array"},
        "note": {"default": "none", "title": "Note", "type": "string"},
    }


def test_the_annotation_of_the_return_value_becomes_the_output_schema() -> None:
    assert kind(a_function).output_schema == {"additionalProperties": {"type": "integer"}, "type": "object"}


def test_the_docstring_becomes_the_description() -> None:
    assert kind(a_function).description == "Count things."


def test_the_function_stays_what_it_was() -> None:
    assert task_type(fresh())(a_function) is a_function


def test_limits_and_attempts_are_kept() -> None:
    made = kind(a_function, soft_time_limit=5, hard_time_limit=6, attempts=3)

    assert (made.soft_time_limit, made.hard_time_limit, made.max_attempts) == (5, 6, 3)


def test_a_name_is_taken_once() -> None:
    name = fresh()
    task_type(name)(a_function)

    with pytest.raises(ValueError, match=f"there is a task type {name} already"):
        task_type(name)(a_function)


@pytest.mark.parametrize(
    ("missing", "told"), [("x", "bare: x has no annotation"), ("return", "bare: the return value has no annotation")]
)
def test_everything_needs_an_annotation(missing: str, told: str) -> None:
    def bare(_context: TaskContext, *, x: int) -> int:
        return x

    del bare.__annotations__[missing]

    with pytest.raises(TypeError, match=told):
        task_type(fresh())(bare)


def with_file(_context: TaskContext, *, note: str = "", file: TaskFile | None = None) -> int:
    """Weigh a file."""
    return 0 if file is None else len(note) + file.size


def test_a_parameter_that_is_a_file_is_described_and_marked() -> None:
    made = kind(with_file)

    assert made.takes_file
    assert made.takes({"file": {"name": "a", "size": 1, "media_type": "text/plain"}})
    assert [one.pointer for one in made.problems({"file": {"name": "a"}}, 24)] == ["/input/file"]


def test_a_type_without_a_file_takes_none() -> None:
    def named(_context: TaskContext, *, file: str, item: Item) -> str:
        return file + item.name

    assert not kind(named).takes_file


def test_a_file_has_one_name() -> None:
    def misnamed(_context: TaskContext, *, upload: TaskFile) -> int:
        return upload.size

    with pytest.raises(TypeError, match="a TaskFile is called file, not upload"):
        kind(misnamed)


def test_a_queue_must_be_one_that_workers_serve() -> None:
    with pytest.raises(ValueError, match="there is no queue gpu"):
        task_type(fresh(), queue="gpu")


@pytest.mark.parametrize(("soft", "hard"), [(0, 5), (5, 5), (6, 5), (-1, 5)])
def test_the_soft_limit_lies_below_the_hard_one(soft: int, hard: int) -> None:
    with pytest.raises(ValueError, match="soft time limit"):
        task_type(fresh(), soft_time_limit=soft, hard_time_limit=hard)


def test_a_refused_function_takes_no_name() -> None:
    name, before = fresh(), set(defined())

    with pytest.raises(ValueError, match="gpu"):
        task_type(name, queue="gpu")(a_function)

    assert set(defined()) == before


def test_what_is_defined_cannot_be_changed_from_outside() -> None:
    got = defined()
    assert isinstance(got, dict)

    got.clear()

    assert "math.divide" in defined()


def test_a_fingerprint_names_exactly_one_version() -> None:
    first, second = kind(a_function), kind(a_function)
    other = kind(a_function, attempts=2)

    same = TaskType(**{name: getattr(first, name) for name in first.__dataclass_fields__})
    assert first.fingerprint == same.fingerprint
    assert len({first.fingerprint, second.fingerprint, other.fingerprint}) == 3


DIVIDE = defined()["math.divide"].kind


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ({"x": 1, "y": 4}, []),
        ({"x": 1.5, "y": -4e10}, []),
        ({"x": 1}, ["/input"]),
        ({"x": "one", "y": 4}, ["/input/x"]),
        ({"x": None, "y": True}, ["/input/x", "/input/y"]),
        ({"x": 1, "y": 4, "z": 0}, ["/input"]),
        ([], ["/input"]),
    ],
)
def test_the_problems_of_an_input_are_told_with_their_place(value: JsonValue, pointers: list[str]) -> None:
    assert mathematics.divide

    assert sorted(problem.pointer for problem in DIVIDE.problems(value, 64)) == pointers


def test_no_more_problems_are_told_than_can_be_read() -> None:
    def strict(_context: TaskContext, *, table: list[int]) -> None: ...

    problems = kind(strict).problems({"table": ["x" * 1_000] * 50}, 50_000)

    assert (len(problems), len(problems[0].detail)) == (MOST_PROBLEMS, DETAIL_LENGTH)


def of_items(_context: TaskContext, *, items: list[Item], note: str | None = None) -> None: ...


def of_many_or_none(_context: TaskContext, *, items: list[Item] | None) -> None: ...


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (of_items, FieldError("/input/items/1", '"name" is a required property')),
        (of_many_or_none, FieldError("/input", "It does not fit the schema of its type.")),
    ],
)
@pytest.mark.parametrize(
    ("bad", "length"), [([{"name": "a"}, *[{}] * DETAILED], 3 * DETAILED), ([{"name": "a"}, {}], DETAILED_LENGTH + 1)]
)
def test_of_a_long_input_the_first_problem_is_told_alone(
    function: Callable[..., object], told: FieldError, bad: list[JsonValue], length: int
) -> None:
    assert kind(function).problems({"items": bad}, length) == (told,)


def test_of_an_input_that_is_not_long_each_problem_is_told() -> None:
    problems = kind(of_items).problems({"items": [{}, {"name": 1}], "note": 2}, DETAILED_LENGTH)

    assert sorted(one.pointer for one in problems) == ["/input/items/0", "/input/items/1/name", "/input/note"]


def test_a_pointer_is_escaped_and_counts_from_zero() -> None:
    def strict(_context: TaskContext, *, table: dict[str, list[int]]) -> None: ...

    problems = kind(strict).problems({"table": {"a/b~c": [1, "x"]}}, 30)

    assert problems == (FieldError("/input/table/a~1b~0c/1", '"x" is not of type "integer"'),)


def test_the_built_in_types_are_there() -> None:
    assert words.count

    assert {"math.divide", "words.count"} <= set(defined())
