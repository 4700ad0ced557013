"""Weeks that nobody sees any more are dropped as a whole, once nothing of them is unfinished."""

import pytest
from sqlalchemy import func

from core.database import Database
from core.journal.queries import list_attempt_lines, list_attempts, list_deliveries
from core.journal.read import DeliveryFilter
from core.journal.retention_queries import hold_past
from core.model import tables
from tests.support.samples import ago
from tests.support.weeks import DONE, Old
from workers.upkeep.retention import Retention

PARENTS = ("events", "deliveries", "attempts")


async def standing(old: Old) -> set[str]:
    """Return the tables of the old week that are there."""
    names = {parent: old.week.partition(parent) for parent in PARENTS}
    found = await old.rows.all(
        "SELECT relname AS name FROM pg_class WHERE relname = ANY(:names)", names=list(names.values())
    )
    there = {row["name"] for row in found}
    return {parent for parent, name in names.items() if name in there}


async def keep_ten_days(old: Old) -> None:
    """Let the longest retention be over for the old week."""
    await old.rows.change(tables.tenants, old.patient, retention_days=10)


async def test_a_week_past_the_longest_retention_is_dropped_in_order(old: Old, retention: Retention) -> None:
    await keep_ten_days(old)
    delivery = await old.delivery()
    await old.rows.put(tables.attempts, old.tenant, delivery_id=delivery)

    stood = [(await retention.run_once(), await standing(old))[1] for _ in range(3)]

    assert stood == [{"events", "attempts"}, {"events"}, set()]
    assert await old.rows.all("SELECT 1 FROM events") == ()


@pytest.mark.parametrize("days", [11, 50])
async def test_a_week_that_somebody_still_sees_is_not_dropped(old: Old, retention: Retention, days: int) -> None:
    await old.rows.change(tables.tenants, old.patient, retention_days=max(days, 30))

    report = await retention.run_once()

    assert report.dropped == 0
    assert await standing(old) == set(PARENTS)


async def test_a_week_in_use_keeps_nothing_else_from_its_end(
    database: Database, old: Old, retention: Retention
) -> None:
    await keep_ten_days(old)
    await old.delivery()
    async with database.engine() as reader:
        await reader.exec_driver_sql("LOCK TABLE deliveries IN ACCESS SHARE MODE")  # as a backup does for hours

        report = await retention.run_once()

    assert (report.emptied, report.dropped) == (1, 0)


async def test_a_deleted_tenant_keeps_no_week(old: Old, retention: Retention) -> None:
    await old.rows.change(tables.tenants, old.patient, deleted_at=func.now())

    report = await retention.run_once()

    assert report.dropped == 1


async def test_a_week_with_a_delivery_on_the_wire_is_not_dropped(old: Old, retention: Retention) -> None:
    await keep_ten_days(old)
    await old.delivery(lease_until=ago(-60))

    report = await retention.run_once()

    assert report.dropped == 0
    assert await standing(old) == set(PARENTS)


async def test_a_newer_delivery_of_an_old_event_expires_before_the_event_is_dropped(
    old: Old, retention: Retention
) -> None:
    await keep_ten_days(old)
    replayed = await old.delivery(id=old.rows.new_id(), trigger="replay")

    dropped = [(await retention.run_once()).dropped for _ in range(4)]

    assert dropped == [1, 1, 1, 0]
    assert await standing(old) == set()
    assert await old.state(replayed) == ("cancelled", "expired", None)


async def test_attempts_of_a_newer_delivery_are_read_though_the_event_was_dropped(
    database: Database, old: Old, retention: Retention
) -> None:
    await keep_ten_days(old)
    replayed = await old.delivery(id=old.rows.new_id(), trigger="replay", **DONE)
    attempt = await old.rows.put(tables.attempts, old.tenant, delivery_id=replayed)

    for_each_parent = [await retention.run_once() for _ in PARENTS]

    async with database.tenant(old.tenant) as tx:
        found = await list_attempts(tx, delivery_id=replayed, after=None, limit=10)
        lines = await list_attempt_lines(tx, delivery_id=replayed)
        listed = await list_deliveries(tx, wanted=DeliveryFilter(), before=None, limit=10)
    assert [one.dropped for one in for_each_parent] == [1, 1, 1]
    assert [(one.id, one.request_body) for one in found] == [(attempt["id"], None)]
    assert [one.number for one in lines] == [1]
    assert [one.id for one in listed] == [replayed]


async def test_what_is_being_brought_back_is_not_dropped(database: Database, old: Old, retention: Retention) -> None:
    await keep_ten_days(old)
    async with database.engine() as reopening:
        await hold_past(reopening)

        report = await retention.run_once()

    assert report.dropped == 0
