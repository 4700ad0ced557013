"""How far a look goes: so many lanes in the order of their IDs, from where the last one stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from core.lease.lane_queries import Due

BEGINNING: Final = UUID(int=0)
"""No lane has this ID, and each comes after it."""
MOST: Final = 20_000
"""Lanes of a look, some 10 µs of Postgres each: 0.2 s of the 30 that a statement may take."""
FEWEST: Final = 100
"""Lanes of a look, however long it took: with 2,000 rows of each to look at they are a few seconds."""
LONG: Final = 2.0
"""Seconds after which a look was long: its lanes had much to look at, and the next one goes through fewer."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a look begins, by the lanes in which anything waits and by those in which something was asked for."""

    lanes: int = MOST
    after: UUID = BEGINNING
    asked_after: UUID = BEGINNING

    def on(self, due: Due, *, took: float) -> "Walk":
        """Return the walk of the next look; after the last lane it begins again."""
        return replace(self.timed(took), after=due.last or BEGINNING, asked_after=due.last_asked or BEGINNING)

    def timed(self, took: float) -> "Walk":
        """Return this walk with as many lanes as should be gone through after a look that took so many seconds."""
        return replace(self, lanes=min(MOST, self.lanes * 2) if took < LONG else max(FEWEST, self.lanes // 8))

    def unseen(self, starts: Mapping[UUID, str], last: UUID | None) -> dict[UUID, str]:
        """Return which of these lanes are not among those gone through, up to the last, or to the end."""
        return {lane: key for lane, key in starts.items() if lane <= self.after or (last is not None and lane > last)}


FROM_THE_BEGINNING: Final = Walk()
