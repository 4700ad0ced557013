"""How much of the bodies a deliverer holds at once: what is beyond the bound waits, and is dropped by nobody."""

import pytest

from core.database import Database
from core.lease.queries import claim_deliveries
from core.model.ids import TenantId
from core.model.queued import Queued
from tests.support.claiming import CAP, LEASE, TIMEOUT
from tests.support.engines import Post, new_engine, running
from tests.support.rows import Rows
from tests.support.samples import BODY

SIZE = len(BODY)


@pytest.mark.parametrize(("room", "leased"), [(1, 1), (SIZE, 1), (SIZE + 1, 2), (5 * SIZE, 5), (None, 5)])
async def test_a_claim_takes_until_the_bodies_come_to_the_room(
    database: Database, rows: Rows, tenant: TenantId, room: int | None, leased: int
) -> None:
    ids = await rows.deliveries(5, tenant, await rows.endpoint(tenant))

    async with database.engine() as tx:
        claimed = await claim_deliveries(tx, ids=ids, room=room, default_cap=CAP, default_timeout=TIMEOUT, lease=LEASE)

    assert len(claimed) == leased


async def test_each_endpoint_has_its_part_of_the_room(database: Database, rows: Rows, tenant: TenantId) -> None:
    many = await rows.deliveries(5, tenant, await rows.endpoint(tenant))
    (one,) = await rows.deliveries(1, tenant, await rows.endpoint(tenant))

    async with database.engine() as tx:
        claimed = await claim_deliveries(
            tx, ids=[*many, one], room=2 * SIZE, default_cap=CAP, default_timeout=TIMEOUT, lease=LEASE
        )

    assert one in {each.delivery_id for each in claimed}


async def test_what_has_no_room_waits_for_the_end_of_another(database: Database, rows: Rows, tenant: TenantId) -> None:
    endpoint, post = await rows.endpoint(tenant), Post(database)
    queued = [Queued(one, endpoint, tenant) for one in await rows.deliveries(6, tenant, endpoint)]
    engine = new_engine(post, limit_bytes=2 * SIZE)
    engine.offer(queued)

    await engine.turn()
    at_once = engine.in_flight
    async with running(engine):
        post.let_go.set()
        engine.offer([])
        await post.wait_for(6, post.ended)

    assert at_once == 2
    assert sorted(post.ended) == sorted(one.delivery_id for one in queued)
