"""How much of the bodies a deliverer holds at once: what is beyond the bound waits, and is dropped by nobody."""

from collections import Counter

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
    engine = new_engine(post, limit_bytes=5 * SIZE)  # a third of them for a claim
    engine.offer(queued)

    await engine.turn()
    at_once = engine.in_flight
    async with running(engine):
        post.let_go.set()
        engine.offer([])
        await post.wait_for(6, post.ended)

    assert at_once == 2
    assert sorted(post.ended) == sorted(one.delivery_id for one in queued)


async def test_the_large_bodies_of_one_tenant_leave_room_for_another(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    other, post = await rows.tenant(), Post(database)
    engine = new_engine(post, limit_bytes=12 * SIZE)
    for whose in (*[tenant] * 20, other):
        endpoint = await rows.endpoint(whose)
        (one,) = await rows.deliveries(1, whose, endpoint)
        engine.offer([Queued(one, endpoint, whose)])

    await engine.turn()

    started = await rows.all("SELECT tenant_id FROM deliveries WHERE lease_until IS NOT NULL")
    post.let_go.set()
    assert Counter(row["tenant_id"] for row in started) == {tenant: 4, other: 1}


async def test_one_tenant_alone_has_a_quarter_of_the_bytes(database: Database, rows: Rows, tenant: TenantId) -> None:
    endpoint, post = await rows.endpoint(tenant), Post(database)
    engine = new_engine(post, limit_bytes=16 * SIZE)
    engine.offer([Queued(one, endpoint, tenant) for one in await rows.deliveries(20, tenant, endpoint)])

    await engine.turn()

    post.let_go.set()
    assert engine.in_flight == 6  # a third of what was free with the first claim: 4 are a quarter, and no more follow
