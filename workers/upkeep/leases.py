"""Keeps the table of leases in step with the deliveries, where something else has written one of the two.

What else may write: a process of an earlier version, a partial restore, somebody's hand.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from workers.loop import IDLE, STORE_ERRORS, Turn, first_line
from workers.upkeep import lease_queries

PAUSE: Final = 600.0

_log: Final = structlog.stdlib.get_logger()


class LeaseMender:
    """Looks at both sides now and then; what a look costs grows with what waits, so that nobody waits for it."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def run_once(self) -> Turn:
        """Look at each side by itself: one that takes too long leaves the other as it is."""
        mended = [await self._mend(look) for look in (lease_queries.drop_strays, lease_queries.add_missing)]
        if any(mended):
            _log.warning("leases.mended", rows=sum(mended))
        return IDLE

    async def _mend(self, look: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        try:
            async with self._database.engine() as tx:
                return await look(tx)
        except STORE_ERRORS as error:
            _log.warning("leases.not_mended", error=type(error).__name__, detail=first_line(error))
            return 0
