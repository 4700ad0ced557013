"""What a turn of the feeder looks at, and how its statements are planned where one plan serves all values."""

import pytest

from core.database import Database
from core.lease.lane_queries import due_of_lane
from core.lease.queries import claim_deliveries
from core.model.ids import TenantId
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from tests.support.claiming import OK, claim, settled
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.feeder.delivery_queries import take_due_deliveries
from workers.feeder.feed import EVER
from workers.feeder.queries import cancel_undeliverable


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


async def test_a_claim_settles_and_a_lane_is_read_in_one_plan_for_all_values(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant)
    made = await rows.deliveries(20, tenant, endpoint)

    async with database.statement() as tx:
        first = await claim_deliveries(
            tx, ids=made[:10], default_cap=DEFAULT_MAX_IN_FLIGHT, default_timeout=15, lease=15
        )
        due = await due_of_lane(tx, lane=endpoint, limit=50)
        (mode,) = await tx.fetch("SHOW plan_cache_mode", {})
        (bitmaps,) = await tx.fetch("SHOW enable_bitmapscan", {})

    assert {settled(one, OK).delivery_id for one in first} == set(made[:10])
    assert {one.delivery_id for one in due.queued} == set(made[10:])
    assert mode["plan_cache_mode"] == "force_generic_plan"
    assert bitmaps["enable_bitmapscan"] == "off"
