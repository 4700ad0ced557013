"""Keeps the table of leases in step with the deliveries, where something else has written one of the two.

What else may write: a process of an earlier version, a partial restore, somebody's hand.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from workers.loop import IDLE, Turn, tolerated
from workers.upkeep import lease_queries

PAUSE: Final = 600.0

_log: Final = structlog.stdlib.get_logger()


class LeaseMender:
    """Looks at both sides now and then; what a look costs grows with what waits, so that nobody waits for it."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def run_once(self) -> Turn:
        """Look at each side by itself: one that takes too long leaves the other as it is."""
        looks = (lease_queries.drop_strays, lease_queries.add_missing)
        mended = sum([await tolerated("leases.not_mended", self._mend(look), 0) for look in looks])
        if mended:
            _log.warning("leases.mended", rows=mended)
        return IDLE

    async def _mend(self, look: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        async with self._database.engine() as tx:
            return await look(tx)
