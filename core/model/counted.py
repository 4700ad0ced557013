"""JSON that counts how often it is looked at, so that a query over it ends, whoever wrote the query."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, overload

from core.model.json_value import JsonValue


class BudgetSpentError(Exception):
    """A query looked at more than it may."""


@dataclass(slots=True)
class Budget:
    """How many more values may be looked at."""

    left: int

    def spend(self, values: int = 1) -> None:
        """Count looks; raise `BudgetSpentError` once there are too many."""
        self.left -= values
        if self.left < 0:
            raise BudgetSpentError


class CountedObject(Mapping[str, JsonValue]):
    """An object whose members are counted as they are read, and wrapped likewise."""

    def __init__(self, members: Mapping[str, JsonValue], budget: Budget) -> None:
        self._members: Final = members
        self._budget: Final = budget

    def __getitem__(self, name: str) -> JsonValue:
        self._budget.spend()
        return counted(self._members[name], self._budget)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class CountedArray(Sequence[JsonValue]):
    """An array whose elements are counted as they are read, and wrapped likewise."""

    def __init__(self, elements: Sequence[JsonValue], budget: Budget) -> None:
        self._elements: Final = elements
        self._budget: Final = budget

    @overload
    def __getitem__(self, index: int) -> JsonValue: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[JsonValue]: ...
    def __getitem__(self, index: int | slice) -> JsonValue:
        if isinstance(index, int):
            self._budget.spend()
            return counted(self._elements[index], self._budget)
        taken = self._elements[index]
        self._budget.spend(len(taken))
        return [counted(one, self._budget) for one in taken]

    def __len__(self) -> int:
        return len(self._elements)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CountedArray) or len(self) != len(other):
            return False
        return all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # pyright: ignore[reportAssignmentType] - as a list has none


def counted(value: JsonValue, budget: Budget) -> JsonValue:
    """Return the value, its objects and arrays counting what is read of them."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return CountedObject(value, budget)
    return CountedArray(value, budget) if isinstance(value, Sequence) else value
