"""Ends tasks that waited for their start for longer than they were allowed to.

Each end is an event that thousands of endpoints may want: a loop of its own, so that nobody's tasks wait for those of
somebody else to be told of.
"""

from typing import Final

from core import clock
from core.database import Database
from core.intake.telling import Teller
from workers.ending import end_expired_tasks
from workers.loop import Turn

BATCH: Final = 25
SLOW: Final = 1.0
"""Seconds of a turn after which the next one takes half as many: their rows are locked meanwhile."""


class Expiry:
    """One process's part of it; any number may run."""

    def __init__(self, database: Database, teller: Teller) -> None:
        self._database: Final = database
        self._teller: Final = teller
        self._at_once = BATCH

    async def run_once(self) -> Turn:
        """End some, and say whether there may be more."""
        limit, began = self._at_once, clock.monotonic()
        ended = await end_expired_tasks(self._database, self._teller, limit=limit)
        slow = clock.monotonic() - began > SLOW
        self._at_once = max(1, limit // 2) if slow else min(BATCH, 2 * limit)
        return Turn(worked=ended >= limit)
