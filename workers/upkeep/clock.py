"""Keeps the difference between this machine's clock and the database's: IDs carry the database's time."""

from typing import Final

from core.database import Database
from workers.loop import IDLE, Turn

PAUSE: Final = 10.0


class ClockReader:
    """Reads the database's clock."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def run_once(self) -> Turn:
        """Read it once."""
        await self._database.ping()
        return IDLE
