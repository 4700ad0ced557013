"""Lanes of which there are more than one look of the feeder goes through, and what was asked for in them."""

from collections import Counter
from uuid import UUID

import pytest

from core.database import Database
from core.lease.lane_queries import Due
from core.model.ids import EndpointId, TenantId
from tests.support.feeding import new_feeder, publishing
from tests.support.plans import blocks_of
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.feeder import feed
from workers.feeder.delivery_queries import take_due_deliveries
from workers.feeder.walk import FROM_THE_BEGINNING, Walk


@pytest.fixture
async def lanes(rows: Rows, tenant: TenantId) -> list[EndpointId]:
    """Lanes in their order."""
    return sorted([await rows.endpoint(tenant, max_in_flight=3) for _ in range(5)], key=str)


async def take(database: Database, walk: Walk = FROM_THE_BEGINNING, *, limit: int = 1000) -> Due:
    async with database.statement() as tx:
        return await take_due_deliveries(tx, limit=limit, default_cap=50, walk=walk)


def lanes_of(*looks: Due) -> list[set[UUID]]:
    return [{one.lane for one in due.queued} for due in looks]


async def test_a_look_goes_through_so_many_lanes_and_the_next_one_goes_on(
    database: Database, rows: Rows, tenant: TenantId, lanes: list[EndpointId]
) -> None:
    later = await rows.delivery(tenant, lanes[0], due_at=ago(-86_400))
    made = [await rows.delivery(tenant, lane) for lane in lanes[1:]]

    first = await take(database, Walk(lanes=2))
    second = await take(database, Walk(lanes=2, after=first.last or later))
    third = await take(database, Walk(lanes=2, after=second.last or later))

    assert lanes_of(first, second, third) == [{lanes[1]}, {*lanes[2:4]}, {lanes[4]}]
    assert [(due.lanes, due.last) for due in (first, second, third)] == [(2, lanes[1]), (2, lanes[3]), (1, None)]
    assert len(made) == 4


async def test_the_feeder_looks_at_all_lanes_in_turn_and_begins_again(
    database: Database,
    rows: Rows,
    tenant: TenantId,
    lanes: list[EndpointId],
    redis_broker_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "FROM_THE_BEGINNING", Walk(lanes=1))
    monkeypatch.setattr(feed, "LANES_A_SECOND", 1e9)
    made = [await rows.delivery(tenant, lane) for lane in lanes]
    async with publishing(redis_broker_url) as publisher:
        feeder = new_feeder(database, publisher)

        reports = [await feeder.run_once() for _ in made]
        await rows.delivery(tenant, lanes[0])
        again = await feeder.run_once()

    assert [report.deliveries for report in reports] == [1, 2, 2, 0, 0]  # twice as many as before, as it was quick
    assert again.deliveries == 1


async def test_each_order_goes_on_where_its_own_last_look_stopped(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    orders = sorted([await rows.endpoint(tenant, ordering="fifo", max_in_flight=1) for _ in range(2)], key=str)
    made = [await rows.deliveries(6, tenant, lane, keys=6) for lane in orders]
    walks = [Walk(lanes=1), Walk(lanes=1, after=orders[0])]

    async with database.statement() as tx:
        starts = (await take_due_deliveries(tx, limit=99, default_cap=50, walk=walks[0])).starts
        both = (await take_due_deliveries(tx, limit=99, default_cap=50, walk=walks[1], starts=starts)).starts
        again = await take_due_deliveries(tx, limit=99, default_cap=50, walk=walks[0], starts=both)

    assert (set(starts), set(both)) == ({orders[0]}, set(orders))
    assert [one.delivery_id for one in again.queued] == [made[0][1]]  # by their keys: the last one made, then the first


async def test_of_a_lane_in_which_much_was_asked_for_twice_its_cap_is_published(
    database: Database, rows: Rows, tenant: TenantId, lanes: list[EndpointId]
) -> None:
    await rows.deliveries(10, tenant, lanes[0], trigger="resend")

    first, second = await take(database), await take(database)

    assert (len(first.queued), second.queued) == (6, ())
    assert {one.asked for one in first.queued} == {True}


async def test_what_one_tenant_asked_for_is_found_beside_all_that_another_one_did(
    database: Database, rows: Rows, tenant: TenantId, lanes: list[EndpointId]
) -> None:
    other = await rows.tenant()
    for_many = [await rows.deliveries(20, tenant, lane, trigger="resend") for lane in lanes]
    single = await rows.delivery(other, await rows.endpoint(other, status="paused"), trigger="resend")

    due = await take(database, limit=2)

    assert single in {one.delivery_id for one in due.queued}
    assert len(for_many) == 5


async def test_lanes_in_which_something_was_asked_for_take_turns_before_the_others(
    database: Database, rows: Rows, tenant: TenantId, lanes: list[EndpointId]
) -> None:
    await rows.deliveries(5, tenant, lanes[0])
    await rows.deliveries(5, tenant, lanes[1], trigger="resend")
    await rows.deliveries(5, tenant, lanes[2], trigger="test")

    due = await take(database, limit=4)

    assert Counter(one.lane for one in due.queued) == {lanes[1]: 2, lanes[2]: 2}


async def test_lanes_in_which_something_was_asked_for_are_gone_through_by_themselves(
    database: Database, rows: Rows, tenant: TenantId, lanes: list[EndpointId]
) -> None:
    await rows.delivery(tenant, lanes[0])
    await rows.delivery(tenant, lanes[3], trigger="resend")
    await rows.delivery(tenant, lanes[4], trigger="resend")

    first = await take(database, Walk(lanes=1))
    second = await take(database, Walk(lanes=1, after=lanes[0], asked_after=first.last_asked or lanes[0]))

    assert lanes_of(first, second) == [{lanes[0], lanes[3]}, {lanes[3], lanes[4]} - {lanes[3]}]
    assert (first.last, first.last_asked) == (lanes[0], lanes[3])


@pytest.mark.parametrize("target", [{}, {"mode": "pull", "url": ""}], ids=["pushed", "pulled"])
async def test_fifty_thousand_that_were_asked_for_cost_what_a_hundred_do(
    database: Database, rows: Rows, tenant: TenantId, target: dict[str, object]
) -> None:
    lane = await rows.endpoint(tenant, **target)
    await rows.deliveries(50_000, tenant, lane, trigger="resend")
    async with database.engine() as tx:
        await tx.exec_driver_sql("ANALYZE deliveries")
        await tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        await tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")

        touched = await blocks_of(tx, lambda: take_due_deliveries(tx, limit=1000, default_cap=50))

    assert touched < 5000
