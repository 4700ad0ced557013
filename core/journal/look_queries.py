"""A page of a list by tests that no index serves: it looks at so many rows, and then says how far it came.

```
newest ──────────────────────────────────────────────► oldest
│ what an index finds: tenant, time, endpoint, trouble … │
├─ looked at for this page ──┤
   tested: status, type, code…   the next page begins here
```
So a page costs what it shows, or that many rows, however rare what is looked for is and however much is kept.
What it shows is bounded, too: a page whose rows carry payloads ends once these come to `ROOM` bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_one

T = TypeVar("T")
LOOK_BACK: Final = 20_000
"""Rows that a page looks at: some 10 ms where they are in memory, and no more blocks of disk where they are not."""
ROOM: Final = 8 * 1024 * 1024
"""Bytes of payloads from which on a page ends: it is written out in one turn of the loop."""
_SLACK: Final = 0.9
"""How much of that a page says it has looked at: rows that leave an index meanwhile move what is behind them."""


@dataclass(frozen=True, slots=True)
class Look:
    """What of a table is looked for, `d` being a row: `within` an index serves, `tests` none does."""

    table: str
    within: Sequence[str]
    tests: Sequence[str]
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The rows of a page, and below which ID to look for more although the page is not full; `None` for nowhere."""

    rows: Sequence[T]
    beyond: UUID | None = None


def page_of(look: Look) -> str:
    """Return the query for the first `:limit` rows of a look, newest first.

    The middle has no ORDER BY of its own, which keeps the order of what it reads: only so does the planner know that
    few rows are wanted, and reads them in the order of an index instead of sorting all that there are.
    """
    within = f"SELECT * FROM {look.table} d WHERE {' AND '.join(look.within)} ORDER BY d.id DESC"
    if not look.tests:
        return f"{within} LIMIT :limit"
    return f"SELECT * FROM ({within} LIMIT {LOOK_BACK}) d WHERE {' AND '.join(look.tests)} LIMIT :limit"


def in_room(page: str, size: str, *, order: str = "id DESC") -> str:
    """Return the query for those rows of a page before which payloads come to less than `ROOM`: one at least.

    `size` says what those of a row `p` come to; it may not read them, only their length.
    """
    sizes = f"SELECT p.*, sum({size}) OVER (ORDER BY p.{order}) - ({size}) AS above FROM ({page}) p"
    return f"SELECT * FROM ({sizes}) p WHERE above < {ROOM}"


def was_cut(rows: Sequence[T], limit: int, size: Callable[[T], int]) -> bool:
    """Tell whether a page ended because its payloads came to `ROOM`; the list may have ended there, too."""
    return len(rows) < limit and sum(map(size, rows)) >= ROOM


@dataclass(frozen=True, slots=True)
class _End:
    id: UUID


async def read_end(tx: AsyncConnection, *, look: Look, last: UUID | None) -> UUID | None:
    """Return down to which ID a page that is not full has looked, by the index of the page; `None` if it saw all.

    `last` is the last row that it found: what has come in meanwhile moves the end up, and nothing is told twice.
    """
    sql = f"""
    SELECT d.id FROM {look.table} d WHERE {" AND ".join(look.within)}
    ORDER BY d.id DESC OFFSET {round(LOOK_BACK * _SLACK)} LIMIT 1
    """
    end = await fetch_one(tx, _End, sql, **look.values)
    return None if end is None else min(end.id, last or end.id)
