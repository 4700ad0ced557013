"""Weeks of long ago: partitions as they were made then, and IDs of that time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func

from core.model import ids, tables
from core.model.ids import DeliveryId, EndpointId, TaskId, TenantId
from tests.support.rows import Rows
from tests.support.stores import ask

DONE: dict[str, object] = {
    "status": "succeeded",
    "due_at": None,
    "succeeded_at": func.now(),
    "finished_at": func.now(),
}


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


@dataclass(frozen=True)
class Old:
    """A tenant that keeps ten days, beside a patient one that keeps fifty, and a week that lies twenty days back."""

    rows: Rows
    week: Week
    tenant: TenantId
    patient: TenantId
    endpoint: EndpointId

    async def event(self, **columns: object) -> UUID:
        """Make an event of that week."""
        made = self.week.new_id()
        await self.rows.put(tables.events, self.tenant, **{"id": made, **columns})
        return made

    async def delivery(self, **columns: object) -> DeliveryId:
        """Make a delivery of that week, with an event of that week unless one is given."""
        event = columns.get("event_id") or await self.event()
        given = {"id": self.week.new_id(), "endpoint_id": self.endpoint, "lane": self.endpoint, "event_id": event}
        made = await self.rows.put(tables.deliveries, self.tenant, **given | columns)
        return DeliveryId(UUID(str(made["id"])))

    async def task(self, **columns: object) -> TaskId:
        """Make a task of that week."""
        made = TaskId(self.week.new_id())
        await self.rows.put(tables.tasks, self.tenant, **{"id": made, **columns})
        return made

    async def state(self, delivery: DeliveryId) -> tuple[object, object, object]:
        """Return what matters of a delivery."""
        row = await self.rows.row(tables.deliveries, delivery)
        return row["status"], row["reason"], row["due_at"]
