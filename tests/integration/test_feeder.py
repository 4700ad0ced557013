"""The feeder: what is due reaches the window, and what a dead process left is ended."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
from sqlalchemy import func

from core.database import Database
from core.dispatch.publish import Publisher
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.queued import Queued
from tests.support.brokers import bodies_in
from tests.support.feeding import new_feeder, new_publisher, publishing
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.feeder.delivery_queries import FEW, take_due_deliveries
from workers.feeder.feed import FeedReport


@pytest.fixture
async def publisher(redis_broker_url: str) -> AsyncGenerator[Publisher]:
    """A connected publisher."""
    async with publishing(redis_broker_url) as connected:
        yield connected


async def take(database: Database, limit: int = 1000) -> tuple[Queued, ...]:
    async with database.engine() as tx:
        return (await take_due_deliveries(tx, limit=limit, default_cap=50)).queued


async def test_a_lapsed_lease_becomes_an_unknown_attempt_and_is_due_at_once(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    lapsed = await rows.delivery(tenant, endpoint, lease_until=ago(1), claim=1, attempt_count=1)

    report = await new_feeder(database, publisher).run_once()

    row = await rows.row(tables.deliveries, lapsed)
    (attempt,) = await rows.attempts(lapsed)
    assert report.unknown == 1
    assert (row["status"], row["step"], row["unknown_run"], row["lease_until"]) == ("retrying", 0, 1, None)
    assert (attempt["number"], attempt["outcome"], attempt["error"]) == (1, "unknown", None)


async def test_an_unknown_attempt_started_when_it_was_claimed(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    endpoint = await rows.endpoint(tenant, timeout=3)
    lapsed = await rows.delivery(tenant, endpoint, created_at=ago(60), lease_until=ago(1), claim=1, attempt_count=1)
    row = await rows.row(tables.deliveries, lapsed)

    await new_feeder(database, publisher).run_once()

    (attempt,) = await rows.attempts(lapsed)
    assert (row["lease_until"] - attempt["started_at"]).total_seconds() == 3 + 15  # pyright: ignore[reportOperatorIssue, reportUnknownMemberType] - both are times


@pytest.mark.parametrize(("before", "after"), [((0, 0), (0, 1)), ((2, 0), (0, 3)), ((3, 0), (1, 4)), ((4, 1), (2, 5))])
async def test_three_unknown_attempts_in_a_row_use_no_step_and_the_next_one_does(
    database: Database,
    rows: Rows,
    tenant: TenantId,
    endpoint: EndpointId,
    publisher: Publisher,
    before: tuple[int, int],
    after: tuple[int, int],
) -> None:
    run, step = before
    counts = {"claim": 9, "attempt_count": 9, "unknown_run": run, "step": step}
    lapsed = await rows.delivery(tenant, endpoint, status="retrying", lease_until=ago(1), **counts)

    await new_feeder(database, publisher).run_once()

    row = await rows.one("SELECT step, unknown_run, due_at <= now() AS due FROM deliveries WHERE id = :id", id=lapsed)
    assert row == {"step": after[0], "unknown_run": after[1], "due": step == after[0]}


async def test_a_lapsed_lease_that_uses_the_schedule_up_is_told(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    listener = await rows.endpoint(tenant, event_types=["delivery.exhausted"])
    counts = {"claim": 9, "attempt_count": 9, "unknown_run": 3, "step": 2}
    await rows.delivery(tenant, endpoint, status="retrying", lease_until=ago(1), **counts)

    await new_feeder(database, publisher).run_once()

    told = await rows.one("SELECT endpoint_id FROM deliveries WHERE event_type = 'delivery.exhausted'")
    assert told == {"endpoint_id": listener}


async def test_a_lease_that_lives_is_left_alone(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    leased = await rows.delivery(tenant, endpoint, lease_until=ago(-5), claim=1, attempt_count=1)
    before = await rows.row(tables.deliveries, leased)

    report = await new_feeder(database, publisher).run_once()

    assert report == FeedReport()
    assert await rows.row(tables.deliveries, leased) == before


async def test_a_lapsed_resend_of_what_has_succeeded_stays_succeeded(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    ended = {"status": "succeeded", "succeeded_at": func.now(), "finished_at": func.now(), "trigger": "resend"}
    lapsed = await rows.delivery(tenant, endpoint, **ended, lease_until=ago(1), claim=2, attempt_count=2)

    await new_feeder(database, publisher).run_once()

    row = await rows.row(tables.deliveries, lapsed)
    assert (row["status"], row["due_at"], row["lease_until"]) == ("succeeded", None, None)


async def test_what_is_due_is_published_once(
    database: Database,
    rows: Rows,
    tenant: TenantId,
    endpoint: EndpointId,
    delivery: DeliveryId,
    redis_broker_url: str,
) -> None:
    await rows.delivery(tenant, endpoint, due_at=ago(-60))
    async with publishing(redis_broker_url) as publisher:
        feeder = new_feeder(database, publisher)

        reports = [await feeder.run_once(), await feeder.run_once()]

    assert [report.deliveries for report in reports] == [1, 0]
    assert [report.worked for report in reports] == [True, False]
    told = {"v": 1, "d": [[str(delivery), str(endpoint), str(tenant)]]}
    assert bodies_in(redis_broker_url, "ringback.deliveries") == [told]


async def test_a_published_row_is_left_alone_for_half_a_minute(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    await take(database)

    row = await rows.one("SELECT extract(EPOCH FROM published_until - now())::FLOAT8 AS s FROM deliveries")
    assert 25 < float(str(row["s"])) <= 30
    assert await take(database) == ()
    await rows.change(tables.deliveries, delivery, published_until=ago(1))
    assert len(await take(database)) == 1


async def test_a_lane_with_one_row_stands_at_the_head_beside_one_with_a_thousand(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    long, short = await rows.endpoint(tenant, max_in_flight=1000), await rows.endpoint(tenant)
    await rows.deliveries(1000, tenant, long)
    await rows.delivery(tenant, short)

    taken = await take(database)

    assert {one.lane for one in taken[:2]} == {long, short}
    assert Counter((one.lane, one.more) for one in taken) == {(long, True): FEW, (short, False): 1}


async def test_a_tenant_with_one_row_stands_at_the_head_beside_one_with_many_lanes(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    other = await rows.tenant()
    await asyncio.gather(*[rows.delivery(tenant, await rows.endpoint(tenant)) for _ in range(20)])
    await rows.delivery(other, await rows.endpoint(other), due_at=ago(0))

    taken = await take(database, limit=2)

    assert {one.tenant_id for one in taken} == {tenant, other}


async def test_a_lane_takes_twice_its_cap_of_the_window_at_most(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=3)
    made = await rows.deliveries(10, tenant, endpoint)

    first, second = await take(database), await take(database)

    assert {one.delivery_id for one in first} == set(made[:6])
    assert second == ()


async def test_feeders_at_once_never_take_a_row_twice(database: Database, rows: Rows, tenant: TenantId) -> None:
    endpoints = [await rows.endpoint(tenant) for _ in range(30)]
    await asyncio.gather(*[rows.deliveries(FEW, tenant, endpoint) for endpoint in endpoints])

    taken = await asyncio.gather(*(take(database) for _ in range(4)))

    named = [one.delivery_id for part in taken for one in part]
    assert len(named) == len(set(named)) == 30 * FEW


@pytest.mark.parametrize(("trigger", "taken"), [("first", 0), ("retry", 0), ("resend", 1), ("test", 1)])
async def test_a_paused_lane_is_left_alone_but_for_what_was_asked_for(
    database: Database, rows: Rows, tenant: TenantId, trigger: str, taken: int
) -> None:
    endpoint = await rows.endpoint(tenant, status="paused")
    await rows.delivery(tenant, endpoint, trigger=trigger)

    assert len(await take(database)) == taken


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"status": "disabled", "disabled_reason": "gone"}, "endpoint_disabled"),
        ({"deleted_at": func.now()}, "endpoint_deleted"),
    ],
)
async def test_what_waits_for_a_dead_endpoint_is_cancelled_with_its_reason(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher, columns: dict[str, object], reason: str
) -> None:
    endpoint = await rows.endpoint(tenant, **columns)
    due, later = await rows.delivery(tenant, endpoint), await rows.delivery(tenant, endpoint, due_at=ago(-3600))

    report = await new_feeder(database, publisher).run_once()

    found = await rows.all("SELECT id, status, reason, due_at FROM deliveries ORDER BY id")
    assert report == FeedReport(cancelled=2)
    assert [row["id"] for row in found] == sorted([due, later], key=UUID.__int__)
    assert {(row["status"], row["reason"], row["due_at"]) for row in found} == {("cancelled", reason, None)}


async def test_what_is_on_the_wire_to_a_dead_endpoint_is_left_to_end(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    endpoint = await rows.endpoint(tenant, status="disabled", disabled_reason="gone")
    await rows.delivery(tenant, endpoint, lease_until=ago(-9), claim=1, attempt_count=1)

    assert await new_feeder(database, publisher).run_once() == FeedReport()


async def test_nothing_is_published_while_the_publisher_has_no_room(
    database: Database, rows: Rows, delivery: DeliveryId, tenant: TenantId, redis_broker_url: str
) -> None:
    await rows.task(tenant)
    away = new_publisher(redis_broker_url)

    report = await new_feeder(database, away).run_once()

    assert report == FeedReport()
    assert (await rows.row(tables.deliveries, delivery))["published_until"] is None
