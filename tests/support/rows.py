"""Rows that tests need, put straight into the tables; what a test does not name is made up."""

from uuid import UUID

from sqlalchemy import Table, insert

from core.database import Database, execute, fetch_all
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, EventId, TaskId, TenantId, new_uuid7
from tests.support.samples import sample

_ENTER = """
INSERT INTO leases (lane, delivery_id, until)
SELECT lane, id, lease_until FROM deliveries WHERE id = :id AND lease_until IS NOT NULL
"""


class Rows:
    """Makes rows in the engine's role, and looks at them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def new_id(self) -> UUID:
        """Return an ID of now, by the database's clock."""
        return new_uuid7(self.database.unix_seconds())

    async def put(self, table: Table, tenant_id: UUID, **columns: object) -> dict[str, object]:
        """Insert a sample row with these columns changed; return what was inserted. A marker gets a task."""
        if table is tables.task_markers and "task_id" not in columns:
            columns["task_id"] = await self.task(tenant_id)
        values = {**sample(table, tenant_id, self.database.unix_seconds()), **columns}
        async with self.database.engine() as tx:
            await tx.execute(insert(table).values(**values))
            if table is tables.deliveries and "lease_until" in columns:
                await execute(tx, _ENTER, id=values["id"])
        return values

    async def all(self, sql: str, **values: object) -> tuple[dict[str, object], ...]:
        """Return what a statement yields, across tenants."""
        async with self.database.engine() as tx:
            return await fetch_all(tx, dict[str, object], sql, **values)

    async def one(self, sql: str, **values: object) -> dict[str, object]:
        """Return the only row that a statement yields."""
        (row,) = await self.all(sql, **values)
        return row

    async def row(self, table: Table, id_: UUID) -> dict[str, object]:
        """Return a row by its ID."""
        return await self.one(f"SELECT * FROM {table.name} WHERE id = :id", id=id_)

    async def attempts(self, delivery_id: UUID) -> tuple[dict[str, object], ...]:
        """Return a delivery's attempts in their order."""
        return await self.all("SELECT * FROM attempts WHERE delivery_id = :id ORDER BY number", id=delivery_id)

    async def change(self, table: Table, id_: UUID, **columns: object) -> None:
        """Change columns of a row."""
        async with self.database.engine() as tx:
            await tx.execute(table.update().where(table.c.id == id_).values(**columns))
            if table is tables.deliveries and "lease_until" in columns:
                await execute(tx, "DELETE FROM leases WHERE delivery_id = :id", id=id_)
                await execute(tx, _ENTER, id=id_)

    async def tenant(self, **columns: object) -> TenantId:
        """Make a tenant."""
        made = TenantId(self.new_id())
        await self.put(tables.tenants, made, **columns)
        return made

    async def endpoint(self, tenant_id: UUID, **columns: object) -> EndpointId:
        """Make an endpoint that wants all events."""
        made = EndpointId(self.new_id())
        await self.put(tables.endpoints, tenant_id, **{"id": made, **columns})
        return made

    async def event(self, tenant_id: UUID, **columns: object) -> EventId:
        """Make an event, without deliveries."""
        made = EventId(self.new_id())
        await self.put(tables.events, tenant_id, **{"id": made, **columns})
        return made

    async def delivery(self, tenant_id: UUID, endpoint_id: UUID | None, **columns: object) -> DeliveryId:
        """Make a delivery that is due, with an event of its own; one without an endpoint needs a lane."""
        made = DeliveryId(self.new_id())
        event_id = await self.event(tenant_id)
        given = {"id": made, "event_id": event_id, "endpoint_id": endpoint_id, "lane": endpoint_id, **columns}
        await self.put(tables.deliveries, tenant_id, **given)
        return made

    async def deliveries(
        self, count: int, tenant_id: UUID, endpoint_id: UUID, *, keys: int | None = None, trigger: str = "first"
    ) -> list[DeliveryId]:
        """Make deliveries of one event that are due, by one statement; the first one is due longest.

        Their ordering keys go round `k-0` to `k-<keys - 1>`; without it they have none.
        """
        event_id = await self.event(tenant_id)
        made = await self.all(
            """
            INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger,
                                    ordering_key, due_at)
            SELECT ringback_uuid7(), :tenant, :event, 'order.paid', :endpoint, :endpoint, 'pending', :trigger,
                   'k-' || n % CAST(:keys AS INTEGER), now() - INTERVAL '1 h' + n * INTERVAL '1 ms'
            FROM generate_series(1, :count) n
            RETURNING id
            """,
            tenant=tenant_id,
            event=event_id,
            endpoint=endpoint_id,
            count=count,
            keys=keys,
            trigger=trigger,
        )
        return [DeliveryId(UUID(str(row["id"]))) for row in made]

    async def task(self, tenant_id: UUID, **columns: object) -> TaskId:
        """Make a task that is due."""
        made = TaskId(self.new_id())
        await self.put(tables.tasks, tenant_id, **{"id": made, **columns})
        return made

    async def tasks(self, count: int, tenant_id: UUID, *, type_: str) -> None:
        """Make tasks of a type that have been due for an hour, by one statement."""
        await self.all(
            """
            INSERT INTO tasks (id, tenant_id, type, queue, status, max_attempts, due_at)
            SELECT ringback_uuid7(), :tenant, :type, 'default', 'PENDING', 1, now() - INTERVAL '1 h'
            FROM generate_series(1, :count) RETURNING id
            """,
            tenant=tenant_id,
            type=type_,
            count=count,
        )
