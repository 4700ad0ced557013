"""How a task type is made: one typed function, one decorator.

```python
@task_type("math.divide")
def divide(context: TaskContext, *, x: float, y: float) -> float: ...
```
The keyword parameters are the input, the annotation of the return value is the output; both become JSON Schema.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar, cast, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

from core.dispatch.broker import TASK_QUEUES
from core.model.json_value import JsonValue
from core.registry.task_types import FILE_FIELD, TaskType
from workers.task_types.context import TaskContext, TaskError
from workers.task_types.files import TaskFile
from workers.task_types.parts import Parts
from workers.task_types.retry import NO_RETRY, Retry

__all__ = ["Definition", "Parts", "Retry", "TaskContext", "TaskError", "TaskFile", "defined", "task_type"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

SOFT_TIME_LIMIT: Final = 300
HARD_TIME_LIMIT: Final = 330


@dataclass(frozen=True, slots=True)
class Definition:
    """A task type with its code."""

    kind: TaskType
    function: Callable[..., object]
    input_model: type[BaseModel]
    output: TypeAdapter[object]
    retry: Retry
    parts: Parts[JsonValue] | None
    listed: bool = True
    """Whether clients may submit it, and see it among the task types."""


_defined: Final[dict[str, Definition]] = {}


def task_type(
    name: str,
    *,
    queue: str = "default",
    soft_time_limit: int = SOFT_TIME_LIMIT,
    hard_time_limit: int = HARD_TIME_LIMIT,
    retry: Retry = NO_RETRY,
    parts: Parts[T] | None = None,
    schema: Mapping[str, object] | None = None,
    listed: bool = True,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function as a task type; limits are seconds, `schema` is added to the input's.

    One that is not `listed` is started by Ringback itself alone.

    Raises `TypeError` for a parameter or a return value without an annotation, `ValueError` for a name that is taken,
    a queue that no worker serves, or limits in the wrong order.
    """
    _check(name, queue, soft_time_limit, hard_time_limit)

    def register(function: Callable[P, R]) -> Callable[P, R]:
        if name in _defined:
            raise ValueError(f"there is a task type {name} already")
        model, output = _input_of(function), _output_of(function)
        described = TaskType(
            name=name,
            description=inspect.getdoc(function) or "",
            queue=queue,
            input_schema={**model.model_json_schema(), **(schema or {})},
            output_schema=output.json_schema(),
            soft_time_limit=soft_time_limit,
            hard_time_limit=hard_time_limit,
            retry_policy=retry.document(),
        )
        in_parts = cast("Parts[JsonValue] | None", parts)
        _defined[name] = Definition(described, function, model, output, retry, in_parts, listed)
        return function

    return register


def _check(name: str, queue: str, soft_time_limit: int, hard_time_limit: int) -> None:
    if queue not in TASK_QUEUES:
        raise ValueError(f"{name}: there is no queue {queue}, only {', '.join(TASK_QUEUES)}")
    if not 0 < soft_time_limit < hard_time_limit:
        raise ValueError(f"{name}: the soft time limit must be positive and below the hard one")


def defined() -> Mapping[str, Definition]:
    """Return every task type whose module has been imported."""
    return dict(_defined)


def _input_of(function: Callable[..., object]) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, tuple[object, object]] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.name not in hints:
            raise TypeError(f"{function.__qualname__}: {parameter.name} has no annotation")
        if _is_file(hints[parameter.name]) and parameter.name != FILE_FIELD:
            raise TypeError(f"{function.__qualname__}: a TaskFile is called {FILE_FIELD}, not {parameter.name}")
        default: object = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    return _model(f"{function.__name__}_input", fields)


def _is_file(hint: object) -> bool:
    return hint is TaskFile or TaskFile in get_args(hint)


def _model(name: str, fields: Mapping[str, tuple[object, object]]) -> type[BaseModel]:
    make: Callable[..., type[BaseModel]] = create_model
    return make(name, __config__=ConfigDict(extra="forbid"), **fields)


def _output_of(function: Callable[..., object]) -> TypeAdapter[object]:
    hints = get_type_hints(function, include_extras=True)
    if "return" not in hints:
        raise TypeError(f"{function.__qualname__}: the return value has no annotation")
    return TypeAdapter(hints["return"])
