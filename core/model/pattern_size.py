"""How large the automaton of a stranger's regular expression is: so much work may each byte of a text make.

The engine is the one whose time is linear in the text; it has no look-around and no back-references. At the worst its
time is linear in the automaton as well: a text of `a` and `b` may be in all of the 5,000 states of `a[ab]{5000}c`.
"""

from bisect import bisect_left
from typing import Final

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

SIZES: Final = tuple(1 << power for power in range(9, 21))
"""Bytes of automata that are told apart, from 512 to 1 MiB: `^[A-Z]{3}$` has some 400, `^.{1,255}$` 260,000."""
CACHE: Final = 16 * 1024
"""Bytes that an automaton may keep of what it found out: more makes none of the usual ones faster."""


def options(size: int = SIZES[-1]) -> RegexOptions:
    """Return how patterns are compiled whose automata may come to `size` bytes."""
    return RegexOptions(size_limit=size, dfa_size_limit=CACHE)


def size_of(pattern: str) -> int | None:
    """Return the bytes of a pattern's automaton, rounded up to the next of `SIZES`; `None` if none of them will do."""
    if _fits(pattern, SIZES[0]):
        return SIZES[0]
    place = bisect_left(SIZES, 1, key=lambda size: _fits(pattern, size))
    return SIZES[place] if place < len(SIZES) else None


def _fits(pattern: str, size: int) -> bool:
    try:
        Draft202012Validator({"pattern": pattern}, pattern_options=options(size), offline=True)
    except (ValidationError, ValueError):
        return False
    return True
