"""Partitions stand seven days ahead, so that no row ever finds its week missing."""

from dataclasses import dataclass
from typing import Final

from core.database import Database
from workers.upkeep.queries import make_partitions

PAUSE: Final = 60.0
"""Seconds: a database that was brought back from a copy may have none for today."""


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """How many partitions a turn made."""

    made: int
    worked: bool = False  # one turn makes all there is to make
    hurry: bool = False


class Partitions:
    """Makes the partitions of the weeks to come; one process at a time, the others skip their turn."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def run_once(self) -> PartitionReport:
        """Make what is missing."""
        async with self._database.engine() as tx:
            return PartitionReport(await make_partitions(tx))
