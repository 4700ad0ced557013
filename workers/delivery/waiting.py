"""What waits to be recorded, and what of it goes next.

```
put ──► free ──► a batch ──► written, or slow: see `turns`
          ▲         └── somebody else holds its lane ──► stuck ──► a lane of them is tried now and then
          └────────────────── it could be written ◄─────────────────┘
```
A lane is stuck as a whole: what comes of it counts in the same rollup. However many are, they cost the others a moment
three times a second; once one of them could be written, twice as many are tried next. Tenants are tried in turn.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final
from uuid import UUID

from core import clock
from workers.delivery.turns import Entry, Turns, first_of

AGAIN: Final = 0.3
"""Seconds between two tries of what is stuck, as long as there is something else to write."""


class Waiting:
    """What a writer has to write."""

    def __init__(self, elsewhere: Callable[[Entry], None] | None = None, *, few: int | None = None) -> None:
        """Begin with nothing; what is stuck goes `elsewhere`, or stays here. As to `few`, see `Turns`."""
        self._elsewhere: Final = elsewhere
        self._free: Final = Turns(few)
        self._stuck: Final[dict[UUID | None, list[Entry]]] = {}
        """By lane; the one that was tried longest ago comes first."""
        self._trying: set[UUID | None] | None = None
        """Lanes that were stuck and of which something was taken, less those that still are."""
        self._width = 1
        self._tried = -AGAIN
        self._tried_of: dict[UUID, float] = {}
        """Of tenants with stuck lanes, when one was tried last."""
        self._taken: set[UUID] = set()
        """The tenants of the last batch."""

    def __bool__(self) -> bool:
        """Tell whether there is something to write."""
        return bool(self._free or self._stuck)

    def __iter__(self) -> Iterator[Entry]:
        """Give all that waits."""
        return chain(self._free, *self._stuck.values())

    def put(self, entry: Entry) -> None:
        """Add an outcome, to those of its lane if that is stuck."""
        stuck = self._stuck.get(entry[0].lane) if self._stuck else None
        if stuck is None:
            self._free.put(entry)
        else:
            stuck.append(entry)

    def hold(self, *entries: Entry) -> None:
        """Set outcomes of one lane aside, which somebody else holds, behind whatever else of it waits here."""
        lane = entries[0][0].lane
        others = self._free.remove(lane)
        if self._elsewhere is None:
            if self._trying:
                self._trying.discard(lane)
            self._stuck.setdefault(lane, []).extend((*others, *entries))
            return
        for one in (*others, *entries):
            self._elsewhere(one)

    def take(self, most: int) -> tuple[list[Entry], bool]:
        """Take up to so many outcomes, no two of one delivery, and tell whether there is time to wait for locks.

        There is none if others wait for what is stuck to be tried, or to be told from what is not.
        """
        now = clock.monotonic()
        if self._stuck and (not self._free or now - self._tried >= AGAIN):
            batch = self._take_stuck(most, now)
            if batch:
                return self._noted(batch), not self._free
        return self._noted(self._free.take(most)), not self._stuck

    def _noted(self, batch: list[Entry]) -> list[Entry]:
        self._taken = {settled.tenant_id for settled, _ in batch}
        return batch

    def _take_stuck(self, most: int, now: float) -> list[Entry]:
        batch: list[Entry] = []
        lanes, most = self._lanes_to_try(most)
        if not lanes:
            return batch
        self._tried = now
        self._trying = set()
        for lane in lanes[: self._width]:
            if len(batch) < most:
                entries = self._stuck.pop(lane)
                self._tried_of[entries[0][0].tenant_id] = now
                taken, self._stuck[lane] = first_of(entries, most - len(batch))
                self._trying.add(lane)  # it is last in line; what comes of it meanwhile stands behind it
                batch += taken
        return batch

    def _lanes_to_try(self, most: int) -> tuple[list[UUID | None], int]:
        """Return the lanes of those who go next, and how many outcomes may go; none if it is others' time."""
        tenant_of = {lane: entries[0][0].tenant_id for lane, entries in self._stuck.items()}
        self._tried_of = {tenant: self._tried_of.get(tenant, -AGAIN) for tenant in tenant_of.values()}
        tenants = sorted(self._tried_of, key=self._tried_of.__getitem__)
        going, most = self._free.going(tenants, most)
        those = set(going)
        lanes = [lane for lane, tenant in tenant_of.items() if tenant in those]
        return sorted(lanes, key=lambda lane: self._tried_of[tenant_of[lane]]), most

    def settle(self, seconds: float = 0.0) -> None:
        """Learn that a batch took so long, and let those lanes go on of which what was taken could be written."""
        if self._trying is not None:
            self._free.put_first(chain.from_iterable([self._stuck.pop(lane) for lane in self._trying]))
            self._width = 2 * self._width if self._trying else 1
            if self._trying:
                self._tried = -AGAIN
            self._trying = None
        self._free.settle(self._taken, seconds, self)


def parted(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Part what could not be written together: the first alone, and halves of the rest, what is of a lane together.

    If the first finds its lane held, all others of that lane need not be tried.
    """
    first, *rest = sorted(entries, key=lambda entry: str(entry[0].lane))
    half = len(rest) // 2
    return [part for part in ([first], rest[:half], rest[half:]) if part]
