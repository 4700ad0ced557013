"""Weeks of long ago: partitions as they were made then, and IDs of that time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.model import ids
from tests.support.stores import ask


@dataclass(frozen=True)
class Week:
    """A week whose partitions are there."""

    monday: datetime

    def new_id(self, days: float = 3) -> UUID:
        """Return an ID of that many days after the week's start."""
        return ids.new_uuid7((self.monday + timedelta(days=days)).timestamp())

    def partition(self, parent: str) -> str:
        """Return the name of a partition of the week."""
        return f"{parent}_p{self.monday:%Y%m%d}"


def make_week(url: str, unix_seconds: float, *, days_ago: int) -> Week:
    """Make the partitions of the week that lies that long ago."""
    then = datetime.fromtimestamp(unix_seconds, UTC) - timedelta(days=days_ago)
    week = Week((then - timedelta(days=then.weekday())).replace(hour=0, minute=0, second=0, microsecond=0))
    after = Week(week.monday + timedelta(days=7))
    for parent in ("events", "deliveries", "attempts"):
        bounds = f"FROM (ringback_floor('{week.monday}')) TO (ringback_floor('{after.monday}'))"
        ask(
            url,
            f"SET ROLE ringback_owner; CREATE TABLE IF NOT EXISTS {week.partition(parent)} PARTITION OF {parent}"
            f" FOR VALUES {bounds}",
        )
    return week
