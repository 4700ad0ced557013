"""Recover: what an endpoint has missed is reopened, once, in its old order, whatever dies in between."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core.database import Database
from core.journal.tasks import timestamp
from core.model import tables
from core.model.endings import CANCELLED as TASK_CANCELLED
from core.model.endings import TaskEnd
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.outcome import Trigger
from core.model.states import TaskStatus
from tests.support.claiming import DOWN, claim, record, settled
from tests.support.recovering import Recovering
from tests.support.reopening import CANCELLED, DISABLED, DUE, EXHAUSTED, SUCCEEDED, TRIED, WAITING, Columns, state
from tests.support.rows import Rows
from workers.task_types import recovery


@pytest.fixture
def recovering(rows: Rows, tenant: TenantId, endpoint: EndpointId, database_url: str, redis_url: str) -> Recovering:
    """What starts and runs recovers of the endpoint."""
    return Recovering(rows, tenant, endpoint, database_url, redis_url)


def reopened(count: int) -> TaskEnd:
    return TaskEnd(TaskStatus.SUCCESS, b'{"reopened":%d}' % count)


async def missed(rows: Rows, tenant: TenantId, endpoint: EndpointId, count: int) -> list[DeliveryId]:
    """Make deliveries that were given up, in an order that is not that of their IDs."""
    made = await rows.deliveries(count, tenant, endpoint)
    await rows.all("UPDATE deliveries SET status = 'exhausted', due_at = NULL, finished_at = now() RETURNING id")
    await rows.all(
        """
        UPDATE deliveries SET sequence = o.ends - sequence
        FROM (SELECT min(sequence) + max(sequence) AS ends FROM deliveries) o RETURNING id
        """
    )
    return made


async def in_order(rows: Rows) -> list[object]:
    """Return the deliveries in their order."""
    return [row["id"] for row in await rows.all("SELECT id FROM deliveries ORDER BY sequence")]


@pytest.mark.parametrize(
    ("columns", "after"),
    [
        (EXHAUSTED | TRIED, ["retrying", None, "recover", 0, 0, 3]),
        (DISABLED | TRIED, ["retrying", None, "recover", 0, 0, 3]),
        (DISABLED, ["pending", None, "recover", 0, 0, 0]),
    ],
    ids=["exhausted", "disabled", "never sent"],
)
async def test_what_was_missed_is_due_with_its_schedule_from_the_start(
    rows: Rows, recovering: Recovering, delivery: DeliveryId, columns: Columns, after: list[object]
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)

    end = await recovering.run(await recovering.start())

    assert end == reopened(1)
    assert await state(rows, delivery) == after
    due = await rows.one("SELECT due_at <= now() AS due, finished_at, published_until FROM deliveries")
    assert due == {"due": True, "finished_at": None, "published_until": None}


@pytest.mark.parametrize("columns", [CANCELLED, SUCCEEDED, WAITING, DUE], ids=["client", "succeeded", "waits", "due"])
async def test_nothing_else_is_reopened(
    rows: Rows, recovering: Recovering, delivery: DeliveryId, columns: Columns
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)
    before = await rows.row(tables.deliveries, delivery)

    end = await recovering.run(await recovering.start())

    assert end == reopened(0)
    assert await rows.row(tables.deliveries, delivery) == before


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [(0, 1, 1), (-1, 0, 0), (1, 2, 0), (-1, 1, 1)],
    ids=["starts then", "ends then", "after", "around"],
)
async def test_the_window_has_its_start_and_not_its_end(
    rows: Rows, recovering: Recovering, delivery: DeliveryId, since: int, until: int, count: int
) -> None:
    then = (await recovering.now()).replace(microsecond=0) - timedelta(seconds=30)
    await rows.change(tables.deliveries, delivery, **EXHAUSTED, created_at=then)
    first, last = timestamp(then + timedelta(seconds=since)), timestamp(then + timedelta(seconds=until))

    end = await recovering.run(await recovering.start(since=first, until=last))

    assert end == reopened(count)


@pytest.mark.parametrize(
    ("types", "count"),
    [
        (None, 1),
        ([], 1),
        (["order.paid"], 1),
        (["order.*"], 1),
        (["user.*", "order.paid"], 1),
        (["order"], 0),
        (["o.*"], 0),
    ],
)
async def test_event_types_are_names_or_prefixes(
    rows: Rows, recovering: Recovering, delivery: DeliveryId, types: list[str] | None, count: int
) -> None:
    await rows.change(tables.deliveries, delivery, **EXHAUSTED)

    end = await recovering.run(await recovering.start(event_types=types))

    assert end == reopened(count)


async def test_the_order_is_kept_over_all_batches(
    rows: Rows, recovering: Recovering, tenant: TenantId, endpoint: EndpointId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "BATCH", 7)
    await missed(rows, tenant, endpoint, 50)
    before = await in_order(rows)

    end = await recovering.run(await recovering.start())

    assert end == reopened(50)
    assert await in_order(rows) == before
    assert await rows.one("SELECT min(sequence) > 50 AS behind FROM deliveries") == {"behind": True}


async def test_a_second_recover_of_the_same_window_finds_nothing(
    rows: Rows, recovering: Recovering, tenant: TenantId, endpoint: EndpointId
) -> None:
    await missed(rows, tenant, endpoint, 5)
    await recovering.run(await recovering.start())

    again = await recovering.run(await recovering.start())

    assert again == reopened(0)


async def test_a_run_that_was_killed_goes_on_and_counts_nothing_twice(
    database: Database, rows: Rows, recovering: Recovering, tenant: TenantId, endpoint: EndpointId
) -> None:
    await missed(rows, tenant, endpoint, 5)
    task = await recovering.start()
    await recovering.run(task)  # killed before its end was recorded
    failed = [settled(one, DOWN) for one in await claim(database, *await in_order(rows))]  # pyright: ignore[reportArgumentType] - IDs
    await record(database, *failed)
    await rows.all("UPDATE deliveries SET status = 'exhausted', due_at = NULL, finished_at = now() RETURNING id")

    end = await recovering.run(await recovering.again(task))

    assert end == reopened(5)
    assert [one["trigger"] for one in await rows.all("SELECT trigger FROM attempts")] == [Trigger.RECOVER.value] * 5
    assert {row["status"] for row in await rows.all("SELECT status FROM deliveries")} == {"exhausted"}


async def test_a_run_that_lost_its_task_reopens_nothing(
    rows: Rows, recovering: Recovering, delivery: DeliveryId
) -> None:
    await rows.change(tables.deliveries, delivery, **EXHAUSTED)
    task = await recovering.start()
    await recovering.again(task)

    end = await recovering.run(task)

    assert end == TASK_CANCELLED
    assert await state(rows, delivery, "status") == ["exhausted"]


async def test_a_cancelled_recover_stops(rows: Rows, recovering: Recovering, delivery: DeliveryId) -> None:
    await rows.change(tables.deliveries, delivery, **EXHAUSTED)
    task = await recovering.start()
    await rows.change(tables.tasks, task.id, cancel_asked_at=func.now())

    end = await recovering.run(task)

    assert end == TASK_CANCELLED
    assert await state(rows, delivery, "status") == ["exhausted"]


@pytest.mark.parametrize("sql", ["UPDATE events SET body = NULL, erased_at = now()", "DELETE FROM events"])
async def test_what_has_no_payload_any_more_is_left(
    rows: Rows, recovering: Recovering, delivery: DeliveryId, sql: str
) -> None:
    await rows.change(tables.deliveries, delivery, **EXHAUSTED)
    await rows.all(f"{sql} RETURNING 1 AS done")

    end = await recovering.run(await recovering.start())

    assert end == reopened(0)


@pytest.mark.parametrize(
    "columns",
    [{"status": "disabled", "disabled_reason": "gone"}, {"deleted_at": func.now()}],
    ids=["disabled", "deleted"],
)
async def test_a_recover_fails_once_its_endpoint_takes_nothing_any_more(
    rows: Rows, recovering: Recovering, endpoint: EndpointId, delivery: DeliveryId, columns: Columns
) -> None:
    await rows.change(tables.deliveries, delivery, **EXHAUSTED)
    await rows.change(tables.endpoints, endpoint, **columns)

    end = await recovering.run(await recovering.start())

    assert isinstance(end, TaskEnd)
    assert (end.status, end.error_code) == (TaskStatus.FAILURE, "endpoint_disabled")
    assert await state(rows, delivery, "status") == ["exhausted"]


async def test_another_endpoints_deliveries_are_left(rows: Rows, recovering: Recovering, tenant: TenantId) -> None:
    theirs = await rows.delivery(tenant, await rows.endpoint(tenant), **EXHAUSTED)

    end = await recovering.run(await recovering.start())

    assert end == reopened(0)
    assert await state(rows, theirs, "status") == ["exhausted"]
