"""What a turn of the feeder looks at, and how its statements are planned where one plan serves all values."""

from uuid import UUID

import pytest

from core.database import Database
from core.lease.lane_queries import Due, due_of_lanes
from core.lease.queries import claim_deliveries
from core.model.ids import TenantId
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from tests.support.claiming import OK, claim, settled
from tests.support.rows import Rows
from tests.support.samples import URL, ago
from workers.feeder.delivery_queries import take_due_deliveries
from workers.feeder.feed import EVER
from workers.feeder.queries import cancel_undeliverable


def named(due: Due) -> set[UUID]:
    return {one.delivery_id for one in due.queued}


async def test_every_lane_in_which_anything_waits_is_counted(database: Database, rows: Rows, tenant: TenantId) -> None:
    await rows.deliveries(3, tenant, await rows.endpoint(tenant))
    await rows.delivery(tenant, await rows.endpoint(tenant), due_at=ago(-60))
    await rows.endpoint(tenant)

    async with database.engine() as tx:
        due = await take_due_deliveries(tx, limit=9, default_cap=50)

    assert (due.lanes, len(due.queued)) == (2, 3)


@pytest.mark.parametrize(("back", "cancelled"), [(300.0, 0), (900.0, 1), (EVER, 1)])
async def test_an_endpoint_that_ended_long_ago_is_looked_at_when_all_are(
    database: Database, rows: Rows, tenant: TenantId, back: float, cancelled: int
) -> None:
    ended = await rows.endpoint(tenant, status="disabled", disabled_reason="gone", updated_at=ago(600))
    await rows.delivery(tenant, ended, due_at=ago(-60))

    async with database.engine() as tx:
        found = await cancel_undeliverable(tx, limit=9, back=back)

    assert found == cancelled


async def test_a_batch_counts_what_is_on_the_wire_of_each_of_its_lanes(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    full, free = await rows.endpoint(tenant, max_in_flight=3), await rows.endpoint(tenant, max_in_flight=3)
    of_full, of_free = await rows.deliveries(5, tenant, full), await rows.deliveries(5, tenant, free)
    await claim(database, *of_full[:2])

    claimed = await claim(database, *of_full[2:], *of_free)

    lanes = [one.lane for one in claimed]
    assert (lanes.count(full), lanes.count(free)) == (1, 3)


async def test_each_of_many_lanes_gets_as_many_as_it_has_room_for(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    plain, fifo = await rows.endpoint(tenant), await rows.endpoint(tenant, ordering="fifo")
    paused = await rows.endpoint(tenant, status="paused")
    of_plain, of_fifo = await rows.deliveries(3, tenant, plain), await rows.deliveries(6, tenant, fifo, keys=3)
    await rows.deliveries(2, tenant, paused)
    task = await rows.task(tenant, webhook_url=URL, sealed_webhook_secret=b"own")
    direct = await rows.delivery(tenant, None, lane=task, task_id=task, url=URL)
    await claim(database, of_fifo[0])

    async with database.engine() as tx:
        due = await due_of_lanes(tx, rooms={plain: 2, fifo: 5, paused: 5, task: 5, tenant: 5})

    assert [one.delivery_id for one in due.queued if one.lane == plain] == of_plain[:2]
    assert {one.delivery_id for one in due.queued if one.lane != plain} == {*of_fifo[1:3], direct}


async def test_what_is_on_the_wire_of_a_key_holds_up_its_own_lane_alone(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    busy, free = [await rows.endpoint(tenant, ordering="fifo") for _ in range(2)]
    of_busy, of_free = [await rows.deliveries(2, tenant, lane, keys=1) for lane in (busy, free)]
    await claim(database, of_busy[0])

    async with database.engine() as tx:
        due = await due_of_lanes(tx, rooms={busy: 5, free: 5})

    assert named(due) == {of_free[0]}


async def test_each_lane_of_an_order_goes_on_where_it_was_looked_at_last(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    one, other = [await rows.endpoint(tenant, ordering="fifo") for _ in range(2)]
    made = [await rows.deliveries(4, tenant, lane, keys=4) for lane in (one, other)]
    of_one, of_other = [[last, *others] for *others, last in made]  # by their keys
    starts: dict[UUID, str] = {}

    async with database.engine() as tx:
        first = await due_of_lanes(tx, rooms={one: 2, other: 3}, starts=starts)
        second = await due_of_lanes(tx, rooms={one: 2, other: 1}, starts=starts)

    assert named(first) == {*of_one[:2], *of_other[:3]}
    assert named(second) == {*of_one[1:3], of_other[2]}


async def test_a_claim_settles_and_a_lane_is_read_in_one_plan_for_all_values(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant)
    made = await rows.deliveries(20, tenant, endpoint)

    async with database.statement() as tx:
        first = await claim_deliveries(
            tx, ids=made[:10], default_cap=DEFAULT_MAX_IN_FLIGHT, default_timeout=15, lease=15
        )
        due = await due_of_lanes(tx, rooms={endpoint: 50})
        (mode,) = await tx.fetch("SHOW plan_cache_mode", {})
        (bitmaps,) = await tx.fetch("SHOW enable_bitmapscan", {})

    assert {settled(one, OK).delivery_id for one in first} == set(made[:10])
    assert {one.delivery_id for one in due.queued} == set(made[10:])
    assert mode["plan_cache_mode"] == "force_generic_plan"
    assert bitmaps["enable_bitmapscan"] == "off"
