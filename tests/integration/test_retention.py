"""What has passed its time is hidden and emptied, ended tasks and expired keys are deleted; what has not stays."""

import asyncio

import pytest
from sqlalchemy import func
from structlog.testing import capture_logs

from core.database import Database
from core.journal.queries import list_deliveries, read_delivery
from core.journal.read import DeliveryFilter
from core.journal.record_queries import record_attempts
from core.model import tables
from core.model.ids import DeliveryId
from core.model.outcome import Outcome
from tests.integration.test_event_group import WAITING
from tests.support.claiming import DOWN, UNKNOWN, claim, claim_one, record, settled
from tests.support.samples import BODY, URL, ago
from tests.support.stack import eventually
from tests.support.stores import ask
from tests.support.weeks import DONE, Old
from workers.upkeep.retention import BATCH, Retention

DAY = 86_400
ENDED: dict[str, object] = {"status": "SUCCESS", "due_at": None}


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


async def test_a_deleted_tenant_keeps_no_payload_and_its_tasks_are_left_to_the_erasure(
    old: Old, retention: Retention
) -> None:
    await old.rows.change(tables.tenants, old.patient, deleted_at=func.now())
    await old.rows.put(tables.events, old.patient, id=old.week.new_id())
    ended = {"id": old.week.new_id(), "finished_at": ago(120), **ENDED}
    await old.rows.put(tables.tasks, old.patient, **ended)

    report = await retention.run_once()

    assert (report.emptied, report.tasks) == (1, 0)  # the erasure forgets their results first


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

    assert await old.rows.row(tables.deliveries, delivery) == before | {"payload_erased": True}


@pytest.mark.parametrize("outcome", [DOWN, UNKNOWN], ids=["failed", "unknown"])
async def test_what_fails_on_the_wire_as_its_retention_passes_has_expired_and_leaves_no_body(
    database: Database, old: Old, retention: Retention, outcome: Outcome
) -> None:
    delivery = await old.delivery()
    claimed = await claim_one(database, delivery)

    await retention.run_once()
    await record(database, settled(claimed, outcome))

    (attempt,) = await old.rows.attempts(delivery)
    assert await old.state(delivery) == ("cancelled", "expired", None)
    assert attempt["response_body"] is None


async def test_what_is_being_recorded_as_its_retention_passes_leaves_no_body(
    database: Database, old: Old, retention: Retention, database_url: str
) -> None:
    delivery = await old.delivery()
    claimed = await claim_one(database, delivery)

    def look() -> None:
        assert ask(database_url, WAITING) == "1"

    async with database.engine() as tx:
        await record_attempts(tx, settled=[settled(claimed, DOWN)])
        emptying = asyncio.create_task(retention.run_once())
        await asyncio.to_thread(eventually, look)
    await emptying

    (attempt,) = await old.rows.attempts(delivery)
    assert await old.state(delivery) == ("cancelled", "expired", None)
    assert (attempt["response_status"], attempt["response_body"]) == (500, None)


async def test_a_late_answer_past_the_retention_leaves_no_body(
    database: Database, old: Old, retention: Retention
) -> None:
    delivery = await old.delivery()
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))

    await retention.run_once()
    await record(database, settled(claimed, DOWN))

    (attempt,) = await old.rows.attempts(delivery)
    assert (attempt["note"], attempt["response_status"], attempt["response_body"]) == ("late", 500, None)


async def test_what_is_claimed_past_the_retention_has_expired(
    database: Database, old: Old, retention: Retention
) -> None:
    delivery = await old.delivery(lease_until=ago(-60))
    await retention.run_once()
    await old.rows.change(tables.deliveries, delivery, lease_until=None)

    assert await claim(database, delivery) == ()
    assert await old.state(delivery) == ("cancelled", "expired", None)


async def test_a_step_that_fails_does_not_keep_the_others_from_theirs(
    database: Database, old: Old, retention: Retention
) -> None:
    await old.rows.put(tables.sessions, old.tenant, expires_at=ago(1))
    async with database.engine() as other:
        await other.exec_driver_sql("LOCK TABLE task_markers, tasks IN ACCESS EXCLUSIVE MODE")

        with capture_logs() as logs:
            report = await retention.run_once()

    assert report.sessions == 1
    assert [one["error"] for one in logs if one["event"] == "retention.failed"] == ["DBAPIError"]


async def test_sessions_and_links_that_are_over_are_deleted(old: Old, retention: Retention) -> None:
    kept = await old.rows.put(tables.sessions, old.tenant)
    link = await old.rows.put(tables.portal_links, old.tenant, expires_at=ago(80_000))
    await old.rows.put(tables.sessions, old.tenant, expires_at=ago(1))
    await old.rows.put(tables.portal_links, old.tenant, expires_at=ago(90_000))

    report = await retention.run_once()

    assert report.sessions == 1
    assert [row["id"] for row in await old.rows.all("SELECT id FROM sessions")] == [kept["id"]]
    assert [row["id"] for row in await old.rows.all("SELECT id FROM portal_links")] == [link["id"]]


async def test_each_turn_goes_on_where_the_last_one_stopped(old: Old, retention: Retention) -> None:
    await old.event(id=old.week.new_id(1), deliveries=BATCH)
    await old.event(id=old.week.new_id(2))
    await old.event(id=old.week.new_id(3))

    reports = [await retention.run_once() for _ in range(3)]

    assert [(one.emptied, one.worked) for one in reports] == [(1, True), (2, False), (0, False)]
    assert await old.rows.one("SELECT count(*) AS n FROM events WHERE body IS NULL") == {"n": 3}


async def test_an_event_with_more_deliveries_than_a_batch_goes_alone(old: Old, retention: Retention) -> None:
    await old.event(id=old.week.new_id(1), deliveries=10 * BATCH)
    await old.event(id=old.week.new_id(2))

    report = await retention.run_once()

    assert report.emptied == 1


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
