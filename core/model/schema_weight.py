"""How much work a stranger's JSON Schema can make, before any data is checked against it.

```
schema ──► its subschemas ──► which ones see the same value, which ones see its children ──► the heaviest level
```
A schema of a few lines can make a validator run for ever: each `$ref` may double the work of the one before. What one
value can be checked against, at any depth of the data, is counted here, so that data times weight bounds the whole.
A pattern counts as much as its automaton is large: it may look at each byte that often.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from typing import Final
from urllib.parse import unquote

from core.model.errors import FieldError, InvalidInputError
from core.model.json_value import JsonValue
from core.model.pattern_size import size_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
HEAVIEST: Final = 4_096
"""Keywords, members and alternatives that one value may be checked against."""
HEAVIEST_IN_ALL: Final = 65_536
"""The same, with patterns: 4 KiB of data are checked against the heaviest."""
PATTERNS: Final = 1024 * 1024
"""Bytes that the automata of a schema's patterns may come to."""
SMALLEST: Final = 2 * 1024
"""Bytes that a pattern counts for at least, there: it takes some 25 KB of memory, however short it is."""
LOOKS: Final = 32
"""Bytes of an automaton that look at a byte of text in the time of one keyword: a nanosecond for ten."""
STEPS: Final = 12
"""References and alternatives in each other: the validator is recursive, and some 40,000 of them overflow its stack."""
LEVELS: Final = 65
"""Levels of data: JSON that is accepted has 64."""

Schema = Mapping[str, JsonValue]

_HERE: Final = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
_BELOW: Final = (
    *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"),
    *("items", "prefixItems", "contains", "unevaluatedItems"),
)
_MAPS: Final = frozenset({"dependentSchemas", "dependencies", "properties", "patternProperties"})
_REFUSED: Final = ("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef")
_ONLY_AT_ROOT: Final = ("$id", "$schema")


@dataclass(frozen=True, slots=True)
class Weight:
    """What one value is checked against at the most."""

    structure: int
    """Keywords, members and alternatives."""
    whole: int
    """These, and the patterns: `LOOKS` bytes of an automaton are one."""
    patterns: int
    """Bytes of the automata of all patterns, which are kept."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A subschema: its own work, and those that see the same value (`here`) or what lies in it (`below`)."""

    own: int
    patterns: int  # in the unit of `own`
    times: int  # it is looked at once more where what is left over has to be known
    here: Sequence[int]
    below: Sequence[int]


def weigh(schema: Schema, *, pointer: str = "/schema") -> Weight:
    """Return what one value is checked against at the most.

    Raises `InvalidInputError` for a schema of another dialect, one that refers to anything outside of itself or to
    itself without end, one that is heavier than `HEAVIEST` or `HEAVIEST_IN_ALL`, and one whose patterns are larger than
    `PATTERNS`.
    """
    walk = _Walk(schema, pointer)
    nodes, structure, whole = walk.nodes, 0, 0
    ranks = {one: rank for rank, one in enumerate(_order(nodes, pointer))}
    for counts in _levels(id(schema), nodes, ranks):
        keywords = sum(count * nodes[one].own for one, count in counts.items())
        structure = max(structure, keywords)
        whole = max(whole, keywords + sum(count * nodes[one].patterns for one, count in counts.items()))
        if structure > HEAVIEST or whole > HEAVIEST_IN_ALL:
            detail = "It takes too much work: too many alternatives, references in references, or long patterns."
            raise _refusal(pointer, detail)
    return Weight(structure, whole, walk.patterns)


def _levels(root: int, nodes: Mapping[int, _Node], ranks: Mapping[int, int]) -> Iterator[Counter[int]]:
    """Say, level by level of the data, how often each subschema looks at a value there; until that repeats itself."""
    counts, known = Counter({root: 1}), set[frozenset[tuple[int, int]]]()
    for _ in range(LEVELS):
        state = frozenset(counts.items())
        if not counts or state in known:
            return
        known.add(state)
        _spread(counts, nodes, ranks)
        yield counts
        counts = _below(nodes, counts)


def _spread(counts: Counter[int], nodes: Mapping[int, _Node], ranks: Mapping[int, int]) -> None:
    """Add those that see the same value, each after those that apply it."""
    pending = [(ranks[one], one) for one in counts]
    heapify(pending)
    while pending:
        _, one = heappop(pending)
        for other in nodes[one].here:
            if other not in counts:
                heappush(pending, (ranks[other], other))
            counts[other] += counts[one] * nodes[one].times


def _below(nodes: Mapping[int, _Node], counts: Counter[int]) -> Counter[int]:
    below = Counter[int]()
    for one, count in counts.items():
        for other in nodes[one].below:
            below[other] += count * nodes[one].times
    return below


def _order(nodes: Mapping[int, _Node], pointer: str) -> list[int]:
    """Return the subschemas so that each comes after those that apply it to the value that they see themselves."""
    sorter = TopologicalSorter[int](dict.fromkeys(nodes, ()))
    for one, node in nodes.items():
        for other in node.here:
            sorter.add(other, one)
    try:
        order = list(sorter.static_order())
    except CycleError:
        raise _refusal(pointer, "It refers to itself without end.") from None
    steps = Counter[int]()
    for one in order:
        for other in nodes[one].here:
            steps[other] = max(steps[other], steps[one] + 1)
    if steps and max(steps.values()) > STEPS:
        raise _refusal(pointer, f"References and alternatives lie in each other, more than {STEPS} of them.")
    return order


class _Walk:
    """Finds the subschemas that data can meet."""

    def __init__(self, root: Schema, pointer: str) -> None:
        self.nodes: Final[dict[int, _Node]] = {}
        self.patterns = 0
        self._root: Final = root
        self._pointer: Final = pointer
        if root.get("$schema", DIALECT) not in {DIALECT, DIALECT + "#"}:
            raise _refusal(f"{pointer}/$schema", f"Only {DIALECT} is known.")
        self._pending: Final = [root]
        while self._pending:  # not by recursion: references may be thousands in a row
            if id(one := self._pending.pop()) not in self.nodes:
                self._visit(one)

    def _visit(self, schema: Schema) -> None:
        self._check(schema)
        own = 1 + sum(len(value) for value in schema.values() if isinstance(value, Mapping | list))
        here = [one for name in _HERE for one in _schemas(schema, name)]
        if "$ref" in schema and isinstance(target := self._target(schema["$ref"]), Mapping):
            here.append(target)
        below = [one for name in _BELOW for one in _schemas(schema, name)]
        times = 2 if any(name.startswith("unevaluated") for name in schema) else 1
        patterns = -(-sum(self._size(one) for one in _patterns(schema)) // LOOKS)
        self.nodes[id(schema)] = _Node(own, patterns, times, [id(one) for one in here], [id(one) for one in below])
        self._pending.extend(here + below)

    def _size(self, pattern: str) -> int:
        """Return how large a pattern is; none of one that the validator refuses, which says why."""
        size = size_of(pattern) or 0
        self.patterns += max(size, SMALLEST)
        if self.patterns > PATTERNS:
            raise _refusal(self._pointer, f"Its patterns are too many or too long: {PATTERNS} bytes as automata.")
        return size

    def _check(self, schema: Schema) -> None:
        refused = _REFUSED if schema is self._root else (*_REFUSED, *_ONLY_AT_ROOT)
        for name in refused:
            if name in schema:
                raise _refusal(self._pointer, f"{name} is not allowed here.")

    def _target(self, reference: JsonValue) -> JsonValue:
        """Find what a reference names; the fragment is a JSON Pointer (RFC 6901, section 6)."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise _refusal(self._pointer, "A $ref names a part of the schema itself, as #/$defs/name does.")
        found: JsonValue = self._root
        for part in unquote(reference).split("/")[1:]:
            found = _member(found, part.replace("~1", "/").replace("~0", "~"))
        if not isinstance(found, Mapping | bool):
            raise _refusal(self._pointer, "A $ref names nothing that is a schema.")
        return found


def _member(value: JsonValue, name: str) -> JsonValue:
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and len(name) < len(str(HEAVIEST)) + 2 and int(name) < len(value):
        return value[int(name)]
    return None


def _schemas(schema: Schema, name: str) -> Sequence[Schema]:
    value = schema.get(name)
    if isinstance(value, Mapping):
        given = value.values() if name in _MAPS else (value,)
    else:
        given = value if isinstance(value, list) else ()
    return [one for one in given if isinstance(one, Mapping)]


def _patterns(schema: Schema) -> Iterator[str]:
    """Give the patterns that a value meets; those for names, which may be looked at again for what is left over."""
    one, names = schema.get("pattern"), schema.get("patternProperties")
    if isinstance(one, str):
        yield one
    if isinstance(names, Mapping):
        yield from (*names, *names)


def _refusal(pointer: str, detail: str) -> InvalidInputError:
    return InvalidInputError(FieldError(pointer, detail))
