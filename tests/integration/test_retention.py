"""What has passed its time is hidden, emptied and dropped; what has not stays as it is."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import func

from core.database import Database
from core.journal.queries import list_deliveries, read_delivery
from core.journal.read import DeliveryFilter
from core.journal.retention_queries import hold_past
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, TaskId, TenantId
from tests.support.claiming import claim
from tests.support.rows import Rows
from tests.support.samples import BODY, URL, ago
from tests.support.weeks import Week, make_week
from workers.upkeep.retention import BATCH, Retention

DAY = 86_400
DONE: dict[str, object] = {
    "status": "succeeded",
    "due_at": None,
    "succeeded_at": func.now(),
    "finished_at": func.now(),
}
ENDED: dict[str, object] = {"status": "SUCCESS", "due_at": None}


@dataclass(frozen=True)
class Old:
    """A tenant that keeps ten days, beside one that keeps fifty, and a week that lies twenty days back."""

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


@pytest.fixture
async def old(database: Database, database_url: str, rows: Rows, tenant: TenantId, endpoint: EndpointId) -> Old:
    """Two tenants with retentions of their own."""
    await rows.change(tables.tenants, tenant, retention_days=10)
    patient = await rows.tenant(retention_days=50)
    return Old(rows, make_week(database_url, database.unix_seconds(), days_ago=20), tenant, patient, endpoint)


@pytest.fixture
def retention(database: Database) -> Retention:
    """What removes."""
    return Retention(database, retention_days=30, disable_after=5 * DAY)


async def test_a_delivery_past_the_retention_is_hidden(database: Database, old: Old) -> None:
    hidden, seen = await old.delivery(**DONE), await old.rows.delivery(old.tenant, old.endpoint, **DONE)

    async with database.tenant(old.tenant) as tx:
        listed = await list_deliveries(tx, wanted=DeliveryFilter(), before=None, limit=10)
        found = await read_delivery(tx, delivery_id=hidden)

    assert [one.id for one in listed] == [seen]
    assert found is None


async def test_a_delivery_within_a_longer_retention_is_seen(database: Database, old: Old) -> None:
    delivery = DeliveryId(old.week.new_id())
    await old.rows.put(tables.deliveries, old.patient, id=delivery, **DONE)

    async with database.tenant(old.patient) as tx:
        found = await read_delivery(tx, delivery_id=delivery)

    assert found is not None


async def test_payloads_past_the_retention_are_emptied(old: Old, retention: Retention) -> None:
    delivery = await old.delivery(**DONE)
    await old.rows.put(tables.attempts, old.tenant, delivery_id=delivery, response_body=b"secret")

    report = await retention.run_once()

    event = await old.rows.one("SELECT body, erased_at IS NOT NULL AS erased FROM events")
    (attempt,) = await old.rows.attempts(delivery)
    assert report.emptied == 1
    assert event == {"body": None, "erased": True}
    assert attempt["response_body"] is None


async def test_what_is_within_the_retention_stays_as_it_is(old: Old, retention: Retention) -> None:
    await old.rows.put(tables.events, old.patient, id=old.week.new_id())
    delivery = await old.rows.delivery(old.tenant, old.endpoint)
    before = await old.rows.row(tables.deliveries, delivery)

    report = await retention.run_once()

    assert report.emptied == 0
    assert [row["body"] for row in await old.rows.all("SELECT body FROM events")] == [BODY, BODY]
    assert await old.rows.row(tables.deliveries, delivery) == before


async def test_what_waits_past_the_retention_expires(database: Database, old: Old, retention: Retention) -> None:
    delivery = await old.delivery()

    await retention.run_once()

    assert await old.state(delivery) == ("cancelled", "expired", None)
    assert await claim(database, delivery) == ()


async def test_a_resend_past_the_retention_ends_as_the_success_that_it_was(old: Old, retention: Retention) -> None:
    delivery = await old.delivery(**DONE | {"due_at": ago(1), "trigger": "resend"})

    await retention.run_once()

    assert await old.state(delivery) == ("succeeded", None, None)


async def test_what_is_on_the_wire_is_left_to_its_end(old: Old, retention: Retention) -> None:
    delivery = await old.delivery(lease_until=ago(-60))
    before = await old.rows.row(tables.deliveries, delivery)

    await retention.run_once()

    assert await old.rows.row(tables.deliveries, delivery) == before


async def test_each_turn_goes_on_where_the_last_one_stopped(old: Old, retention: Retention) -> None:
    await old.event(id=old.week.new_id(1), deliveries=BATCH)
    await old.event(id=old.week.new_id(2))
    await old.event(id=old.week.new_id(3))

    emptied = [(await retention.run_once()).emptied for _ in range(3)]

    assert emptied == [1, 2, 0]
    assert await old.rows.one("SELECT count(*) AS n FROM events WHERE body IS NULL") == {"n": 3}


async def test_an_event_with_more_deliveries_than_a_batch_goes_alone(old: Old, retention: Retention) -> None:
    await old.event(id=old.week.new_id(1), deliveries=10 * BATCH)
    await old.event(id=old.week.new_id(2))

    report = await retention.run_once()

    assert report.emptied == 1


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


async def test_what_is_being_brought_back_is_not_dropped(database: Database, old: Old, retention: Retention) -> None:
    await keep_ten_days(old)
    async with database.engine() as reopening:
        await hold_past(reopening)

        report = await retention.run_once()

    assert report.dropped == 0


async def test_a_turn_is_skipped_while_another_process_removes(
    database: Database, old: Old, retention: Retention
) -> None:
    await old.delivery()
    async with database.engine() as other:
        await other.exec_driver_sql("SELECT pg_advisory_xact_lock(7102003)")

        report = await retention.run_once()

    assert report.emptied == 0


async def test_an_ended_task_past_the_retention_is_deleted_with_its_markers(old: Old, retention: Retention) -> None:
    task = await old.task(finished_at=ago(11 * DAY), **ENDED)
    await old.rows.put(tables.task_markers, old.tenant, task_id=task)

    report = await retention.run_once()

    assert report.tasks == 1
    assert await old.rows.all("SELECT 1 FROM task_markers") == ()


@pytest.mark.parametrize(
    "columns", [{}, {**ENDED, "finished_at": ago(9 * DAY)}], ids=["still waits", "ended within the retention"]
)
async def test_an_old_task_that_has_not_ended_for_long_stays(
    old: Old, retention: Retention, columns: dict[str, object]
) -> None:
    await old.task(**columns)

    report = await retention.run_once()

    assert report.tasks == 0


async def test_a_task_of_which_something_is_still_to_be_sent_stays(old: Old, retention: Retention) -> None:
    task = await old.task(finished_at=ago(11 * DAY), **ENDED)
    await old.rows.delivery(old.tenant, None, lane=old.rows.new_id(), task_id=task, url=URL)

    report = await retention.run_once()

    assert report.tasks == 0


async def test_keys_that_have_expired_are_deleted(old: Old, retention: Retention) -> None:
    await old.rows.put(tables.dedupe, old.tenant, key="old", expires_at=ago(1))
    await old.rows.put(tables.dedupe, old.tenant, key="new", expires_at=ago(-60))

    report = await retention.run_once()

    assert report.keys == 1
    assert await old.rows.one("SELECT key FROM dedupe") == {"key": "new"}


@pytest.mark.parametrize(("disable_after", "days", "deleted"), [(DAY, 7, 0), (DAY, 9, 1), (20 * DAY, 20, 0)])
async def test_rollups_are_deleted_once_no_window_reaches_them(
    database: Database, rows: Rows, tenant: TenantId, disable_after: int, days: int, deleted: int
) -> None:
    await rows.put(tables.rollups, tenant, bucket=ago(days * DAY))

    report = await Retention(database, retention_days=30, disable_after=disable_after).run_once()

    assert report.rollups == deleted


HOUR = "date_bin('1 h', now() - INTERVAL '5 h', '2000-01-01Z')"


async def of_five_minutes(rows: Rows, tenant: TenantId, lane: EndpointId, *minutes: int) -> None:
    """Put rows that begin so many minutes after an hour that is past."""
    for n, offset in enumerate(minutes):
        counts = {"succeeded": 1, "failed": n, "timeout": n, "latencies": [n + 1, *[0] * 31]}
        bucket = (await rows.one(f"SELECT {HOUR} + make_interval(mins => :offset) AS at", offset=offset))["at"]
        await rows.put(tables.rollups, tenant, lane=lane, bucket=bucket, **counts)


async def test_old_rollups_are_added_up_to_their_hours(
    rows: Rows, tenant: TenantId, endpoint: EndpointId, retention: Retention
) -> None:
    await of_five_minutes(rows, tenant, endpoint, 0, 5, 55, 60, 65)

    report = await retention.run_once()

    hours = await rows.all(
        "SELECT succeeded, failed, timeout, latencies[1] AS fast,"
        " date_bin('1 h', bucket, '2000-01-01Z') = bucket AS whole FROM rollups ORDER BY bucket"
    )
    assert report.folded == 3
    assert hours == (
        {"succeeded": 3, "failed": 3, "timeout": 3, "fast": 6, "whole": True},
        {"succeeded": 2, "failed": 7, "timeout": 7, "fast": 9, "whole": True},
    )


async def test_rollups_of_the_last_two_hours_stay_as_they_are(
    rows: Rows, tenant: TenantId, endpoint: EndpointId, retention: Retention
) -> None:
    await rows.put(tables.rollups, tenant, lane=endpoint, bucket=ago(7100))

    report = await retention.run_once()

    assert report.folded == 0


async def test_an_hour_is_made_where_none_of_its_rows_begins_it(
    rows: Rows, tenant: TenantId, endpoint: EndpointId, retention: Retention
) -> None:
    await of_five_minutes(rows, tenant, endpoint, 10, 15)

    await retention.run_once()

    assert await rows.one(f"SELECT succeeded, bucket = {HOUR} AS begins FROM rollups") == {
        "succeeded": 2,
        "begins": True,
    }
