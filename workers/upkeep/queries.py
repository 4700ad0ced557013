"""Upkeep's statements, in the engine's role; what touches partitions runs in the owner's functions."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_one

PARTITIONS_LOCK: Final = 7_102_001
"""The advisory lock of whoever makes or drops partitions."""


@dataclass(frozen=True, slots=True)
class Made:
    """How many partitions were made."""

    made: int


async def make_partitions(tx: AsyncConnection) -> int:
    """Make the partitions of the next seven days, unless another process is at it."""
    sql = """
    SELECT CASE WHEN pg_try_advisory_xact_lock(:lock) THEN ringback_make_partitions() ELSE 0 END AS made
    """
    made = await fetch_one(tx, Made, sql, lock=PARTITIONS_LOCK)
    return 0 if made is None else made.made
