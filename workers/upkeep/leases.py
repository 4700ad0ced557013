"""Keeps the table of leases in step with the deliveries, where something else has written one of the two.

What else may write: a process of an earlier version, a partial restore, somebody's hand.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database, fetch_all
from workers.loop import IDLE, STORE_ERRORS, Turn, first_line

PAUSE: Final = 600.0

_log: Final = structlog.stdlib.get_logger()


class LeaseMender:
    """Looks at both sides now and then; what a look costs grows with what waits, so that nobody waits for it."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def run_once(self) -> Turn:
        """Look at each side by itself: one that takes too long leaves the other as it is."""
        mended = [await self._mend(look) for look in (drop_strays, add_missing)]
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


async def drop_strays(tx: AsyncConnection) -> int:
    """Delete rows of nothing on the wire, a minute after their time; each would take a slot of its lane for ever."""
    sql = """
    DELETE FROM leases WHERE (lane, delivery_id) IN (
        SELECT x.lane, x.delivery_id FROM leases x WHERE x.until < now() - INTERVAL '1 minute'
            AND (SELECT d.lease_until FROM deliveries d WHERE d.id = x.delivery_id) IS NULL
        FOR UPDATE SKIP LOCKED)
    RETURNING delivery_id
    """
    return len(await fetch_all(tx, dict[str, UUID], sql))


async def add_missing(tx: AsyncConnection) -> int:
    """Add rows for leases that are in none, a minute after their time: nobody would see that they have run out.

    Reads all that waits, by `deliveries_due_idx`.
    """
    sql = """
    INSERT INTO leases (lane, delivery_id, until) SELECT lane, id, lease_until FROM deliveries
    WHERE due_at IS NOT NULL AND lease_until < now() - INTERVAL '1 minute'
    ON CONFLICT DO NOTHING RETURNING delivery_id
    """
    return len(await fetch_all(tx, dict[str, UUID], sql))
