"""Whose outcomes are written next: tenants in turn, and one whose events take long to write alone.

```
quick tenants ──► a batch of all of them ──► it was slow: each of them alone, until that is quick
a slow one ─────► a batch of its own ──► the quick ones go before the next of these, for as long as it took
```
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from typing import Final
from uuid import UUID

from core import clock
from core.journal.record import Settled

Done = Callable[[BaseException | None], None]
Entry = tuple[Settled, Done]

QUICK: Final = 0.5
"""Seconds in which a batch is written that may be larger next time, and whose tenants hold up no other."""


class Turns:
    """What waits of each tenant, in its order."""

    def __init__(self, few: int | None = None) -> None:
        """Begin with nothing; `few` is how many of a slow tenant go together, and without it nobody is slow."""
        self._few: Final = few
        self._of: dict[UUID, list[Entry]] = {}
        """By tenant; the one whose turn was longest ago comes first."""
        self._slow: Final[dict[UUID, bool]] = {}
        """Tenants that go alone, and whether they were slow by themselves: the others, who may not be, go first."""
        self._yields_until = 0.0

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._of)

    def __iter__(self) -> Iterator[Entry]:
        """Give all that waits."""
        return chain.from_iterable(self._of.values())

    def put(self, entry: Entry) -> None:
        """Add an outcome, behind those of its tenant."""
        self._of.setdefault(entry[0].tenant_id, []).append(entry)

    def put_first(self, entries: Iterable[Entry]) -> None:
        """Put outcomes in front of all others."""
        first: dict[UUID, list[Entry]] = {}
        for one in entries:
            first.setdefault(one[0].tenant_id, []).append(one)
        self._of = {tenant: [*some, *self._of.pop(tenant, ())] for tenant, some in first.items()} | self._of

    def remove(self, lane: UUID | None) -> list[Entry]:
        """Take all of a lane out."""
        removed = [one for one in self if one[0].lane == lane]
        for tenant in {one[0].tenant_id for one in removed}:
            left = [one for one in self._of.pop(tenant) if one[0].lane != lane]
            if left:
                self._of[tenant] = left
        return removed

    def take(self, most: int) -> list[Entry]:
        """Take up to so many, no two of one delivery; of each tenant that goes as many, but for those with fewer."""
        going, most = self.going(self._of, most)
        for tenant in going[:most]:
            self._of[tenant] = self._of.pop(tenant)  # last in line
        by_length = sorted(going[:most], key=lambda tenant: len(self._of[tenant]))
        batch: list[Entry] = []
        for others, tenant in zip(range(len(by_length), 0, -1), by_length, strict=True):
            taken, self._of[tenant] = first_of(self._of[tenant], (most - len(batch)) // others)
            batch += taken
            if not self._of[tenant]:
                del self._of[tenant]
        return batch

    def going(self, tenants: Collection[UUID], most: int) -> tuple[list[UUID], int]:
        """Return who of these tenants, the next one first, go together, and with how many outcomes at most.

        It is nobody if they are slow and others' time has not passed.
        """
        quick = [one for one in tenants if one not in self._slow]
        if self._few is None or len(quick) == len(tenants) or self._yields(tenants):
            return quick, most
        slow = [one for one in tenants if one in self._slow]
        return [min(slow, key=self._slow.__getitem__)], min(most, self._few)

    def _yields(self, tenants: Iterable[UUID]) -> bool:
        in_time = clock.monotonic() < self._yields_until
        return in_time and any(one not in self._slow for one in chain(tenants, self._of))

    def settle(self, tenants: Collection[UUID], seconds: float, waiting: Iterable[Entry]) -> None:
        """Learn how long a batch of these tenants took, and what still waits in all."""
        if self._few is None or (seconds < QUICK and not self._slow):
            return
        if len(tenants) > 1:
            if seconds >= QUICK:
                more = {settled.tenant_id for settled, _ in waiting}
                self._slow.update({one: False for one in tenants if one in more})
            return
        for tenant in tenants:
            if seconds >= QUICK or tenant in self._slow:
                self._yields_until = clock.monotonic() + seconds
            if seconds >= QUICK:
                self._slow[tenant] = True
            else:
                self._slow.pop(tenant, None)


def first_of(entries: Iterable[Entry], most: int) -> tuple[list[Entry], list[Entry]]:
    """Part the first ones, no two of one delivery, from the others."""
    first: dict[UUID, Entry] = {}
    rest: list[Entry] = []
    for entry in entries:
        if len(first) < most and entry[0].delivery_id not in first:
            first[entry[0].delivery_id] = entry
        else:
            rest.append(entry)
    return list(first.values()), rest
