"""A task of parts: what its starter hands over, and how its lease says who runs it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

HANDED_OVER: Final = "parts"
"""In `leased_by`: the parts are on the broker, and none has started."""
PARTS_RUN: Final = "parts, started"
"""In `leased_by`: at least one part has started."""
PARTS_AHEAD: Final = 64
"""Parts of one tenant and type that wait for a slot, above which no further task of these is started.

All tenants' parts stand in one line: behind so many and those of one task more, another's wait a second or two.
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part's share of the task's content, in bytes."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class TaskInParts:
    """What a starter gives back instead of an end; `content` is what the slices are of, if it came without a file."""

    slices: Sequence[Slice]
    content: bytes | None = field(default=None, repr=False)
