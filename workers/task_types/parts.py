"""How a task type says that it can run in parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts(Generic[T]):
    """`each` makes JSON other than null of a slice of the content, `join` makes the result of what all gave back.

    Both may be called more than once; nothing may happen on the side.
    """

    each: Callable[[bytes], T]
    join: Callable[[Sequence[T]], object]
