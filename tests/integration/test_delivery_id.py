"""A delivery's ID is a UUIDv7 of the moment in which its event was accepted; a line and a hash stand for chance."""

from uuid import RFC_4122, UUID

from core.database import Database
from core.intake.accept_queries import insert_lines
from core.intake.wish import EventWish, line_of
from core.model.ids import TenantId
from tests.support.rows import Rows

LINES = 300
NOW = "SELECT CAST(floor(extract(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT) AS ms"
MADE = """
SELECT d.id, e.data_length AS line FROM deliveries d JOIN events e ON e.id = d.event_id ORDER BY d.id
"""
"""The lines are told apart by the length of their data."""


async def accept(database: Database, tenant: TenantId, count: int) -> None:
    """Accept as many events in one statement, each with a byte more of data than the one before."""
    wishes = [EventWish(type="order.paid", data=b"1" * (n + 1)) for n in range(count)]
    lines = [line_of(tenant, wish, database.unix_seconds()) for wish in wishes]
    async with database.engine() as tx:
        await insert_lines(tx, lines=lines, publish=True, whole=False)


async def test_it_is_named_by_when_its_event_was_accepted(database: Database, rows: Rows, tenant: TenantId) -> None:
    await rows.endpoint(tenant)
    before = await rows.one(NOW)

    await accept(database, tenant, 3)

    after = await rows.one(NOW)
    made = [UUID(str(row["id"])) for row in await rows.all(MADE)]
    assert {(id_.version, id_.variant) for id_ in made} == {(7, RFC_4122)}
    assert {int(str(before["ms"])) <= id_.int >> 80 <= int(str(after["ms"])) for id_ in made} == {True}


async def test_all_of_a_statement_are_told_apart_and_stand_in_the_order_of_its_lines(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    await rows.endpoint(tenant)
    await rows.endpoint(tenant)

    await accept(database, tenant, LINES)

    made = await rows.all(MADE)
    assert [row["line"] for row in made] == [n + 1 for n in range(LINES) for _ in range(2)]
    assert len({UUID(str(row["id"])).bytes[8:] for row in made}) == 2 * LINES
