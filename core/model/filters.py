"""Filters: which data an endpoint wants, beyond the types of the events.

A filter is a JSONPath query (RFC 9535) over an event's `data` that must select something, or a query and the value
that something it selects must equal. Whoever registers an endpoint writes one, and it runs on every event: so it looks
at `BUDGET` values at most, has no regular expressions, and one that fails on some data selects nothing of it. All
filters together look at `EVENT_BUDGET` values of an event; where that is too little for all, each has its share of it.
So do those of all events that are recorded in a transaction that is open already, if a thread has to judge them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import msgspec
from jsonpath import JSONPath, JSONPathEnvironment, JSONPathError
from jsonpath.function_extensions import Count, Length, Value

from core.model.counted import Budget, counted
from core.model.errors import FieldError, InvalidInputError
from core.model.json_value import JsonValue

PATH_LENGTH: Final = 1_000
VALUE_LENGTH: Final = 4_096
"""Bytes of the value that `{path, equals}` compares with."""
BUDGET: Final = 20_000
"""Values that one filter may look at in one event: some 50 ms at the worst, some 20 us as a rule."""
EVENT_BUDGET: Final = 20 * BUDGET
"""Values that all filters may look at in one event: some second at the worst."""
_TESTED: Final = 2
"""Queries in the test of a light filter."""
_SAID: Final = 200


class _Strict(JSONPathEnvironment):
    """RFC 9535 without `match` and `search`, whose patterns could take for ever."""

    def __init__(self) -> None:
        super().__init__(strict=True, filter_caching=False)

    def setup_function_extensions(self) -> None:
        """Offer what ends by itself."""
        self.function_extensions |= {"length": Length(), "count": Count(), "value": Value()}

    def compare(self, left: object, operator: str, right: object) -> bool:
        """Compare as RFC 9535 does (section 2.3.5.2.2): true and false are equal to themselves, and in no order."""
        if operator in {"<", ">", "<=", ">="} and (isinstance(left, bool) or isinstance(right, bool)):
            return operator in {"<=", ">="} and super().compare(left, "==", right)
        return super().compare(left, operator, right)


_ENVIRONMENT: Final = _Strict()


@dataclass(frozen=True, slots=True)
class Filter:
    """A query over `data`; with `compared`, something that it selects must equal `equals`.

    One that is `light` looks at hardly more values than there are.
    """

    query: JSONPath
    light: bool
    compared: bool = False
    equals: JsonValue = None

    def selects(self, data: JsonValue, budget: Budget | None = None) -> bool:
        """Tell whether an event with this data is wanted; data that the query fails on is not."""
        if isinstance(data, str):  # the library would take it for the text of a document
            return not self.query.segments and (not self.compared or same(data, self.equals))
        try:
            found = self.query.finditer(counted(data, Budget(BUDGET) if budget is None else budget))
            return any(not self.compared or same(cast("JsonValue", one.obj), self.equals) for one in found)
        except Exception:  # noqa: BLE001 - whatever a stranger's query runs into is no reason to refuse an event
            return False


def ask(filters: Mapping[str, Filter], data: JsonValue, budget: Budget | None = None) -> dict[str, bool]:
    """Tell which filters want an event with this data; what they look at together is taken from `budget`.

    Light ones are asked first, and whatever one looks at, it leaves the others their share: filters of one tenant may
    be those of several owners.
    """
    said, whole = dict[str, bool](), Budget(EVENT_BUDGET) if budget is None else budget
    for asked, name in enumerate(sorted(filters, key=lambda one: not filters[one].light)):
        given = min(BUDGET, whole.left // (len(filters) - asked))
        share = Budget(given)
        said[name] = filters[name].selects(data, share)
        whole.left -= given - max(share.left, 0)
    return said


def parse_filter(value: JsonValue, *, pointer: str = "/filter") -> Filter:
    """Read a filter as it stands in an endpoint; raise `InvalidInputError` at `pointer` for what is none."""
    if isinstance(value, str):
        return Filter(_query(value, pointer), _is_light(value))
    if not isinstance(value, Mapping) or set(value) != {"path", "equals"}:
        raise InvalidInputError(FieldError(pointer, "A filter is a JSONPath query, or an object of path and equals."))
    path, equals = value["path"], value["equals"]
    if not isinstance(path, str):
        raise InvalidInputError(FieldError(f"{pointer}/path", "It is not a JSONPath query."))
    if len(msgspec.json.encode(equals)) > VALUE_LENGTH:
        raise InvalidInputError(FieldError(f"{pointer}/equals", f"It is longer than {VALUE_LENGTH} bytes of JSON."))
    return Filter(_query(path, f"{pointer}/path"), _is_light(path), compared=True, equals=equals)


def _is_light(path: str) -> bool:
    """Tell whether a query goes down one way, but for one place at most where it goes several, by a short test.

    It goes by the signs for wildcards, slices, unions, tests and their queries. A name that holds one only makes a
    light query heavy, which costs a thread.
    """
    several = sum(path.count(sign) for sign in "*:,?")
    return ".." not in path and several <= 1 and path.count("$") == 1 and path.count("@") <= _TESTED


def _query(path: str, pointer: str) -> JSONPath:
    if len(path) > PATH_LENGTH:
        raise InvalidInputError(FieldError(pointer, f"It is longer than {PATH_LENGTH} characters."))
    try:
        return _compiled(path)
    except (JSONPathError, RecursionError, ValueError) as error:
        said = error.message if isinstance(error, JSONPathError) else "it cannot be read"
        detail = f"It is not a JSONPath query (RFC 9535): {str(said)[:_SAID]}."
        raise InvalidInputError(FieldError(pointer, detail)) from None


@lru_cache(maxsize=10_000)
def _compiled(path: str) -> JSONPath:
    query = _ENVIRONMENT.compile(path)
    if not isinstance(query, JSONPath):
        raise ValueError("several queries")  # noqa: TRY004 - as the library raises for what is no query
    return query


def same(one: JsonValue, other: JsonValue) -> bool:
    """Tell whether two values are the same JSON: 1 is 1.0, and neither is true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(name in other and same(value, other[name]) for name, value in one.items())
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return one == other
