"""The engine behind its gate, of lanes that keep an order; and what a gate forgets."""

from uuid import uuid4

import pytest

from core import clock
from core.database import Database
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.settings import Settings
from tests.integration.test_gate import answered, named
from tests.support.claiming import claim_one
from tests.support.deliverers import Clock, gates
from tests.support.engines import Post, new_engine, running
from tests.support.rows import Rows
from workers.delivery.attempt import Leases
from workers.delivery.gate import SLOW_FOR, Gate


async def test_an_engine_that_knows_of_no_order_learns_it_and_keeps_it(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint, post = await rows.endpoint(tenant, ordering="fifo"), Post(database)
    made = await rows.deliveries(10, tenant, endpoint)
    post.let_go.set()
    engine = new_engine(post)
    post.release = engine.offer

    async with running(engine):
        engine.offer(named(endpoint, tenant, [*reversed(made)]))
        await post.wait_for(10, post.ended)

    assert post.started == made


async def test_a_batch_that_is_not_looked_at_for_its_order_claims_nothing_ordered(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    ordered = await rows.endpoint(tenant, ordering="fifo")
    made = [await rows.delivery(tenant, lane) for lane in (endpoint, ordered)]

    claimed = await Leases(database, Settings()).claim(made, (), ordered=False, room=1_000_000)

    assert [one.lane for one in claimed] == [endpoint]


async def test_a_lane_in_order_that_gets_a_rate_limit_goes_on(
    database: Database, rows: Rows, tenant: TenantId, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.delivery.gate.ASKED", 0.0)
    endpoint, post = await rows.endpoint(tenant, ordering="fifo"), Post(database)
    made = await rows.deliveries(3, tenant, endpoint)
    post.let_go.set()
    async with gates(redis_url, Clock(), 1) as (gate,):
        engine = new_engine(post, gate=gate)
        async with running(engine):
            engine.offer(named(endpoint, tenant, [made[0]]))
            await post.wait_for(1, post.ended)
            await rows.change(tables.endpoints, endpoint, rate_limit=100)

            engine.offer(named(endpoint, tenant, [made[1]]))
            await post.wait_for(2, post.ended)

    assert post.started == made[:2]


async def test_who_had_too_much_long_ago_and_was_never_sent_to_since_is_forgotten(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed, began = await claim_one(database, await rows.delivery(tenant, endpoint)), clock.monotonic()
    gate = Gate(None, Clock())
    gate.note(claimed, answered(503), 0.0)
    slow = gate.limit(claimed.lane, 50)

    monkeypatch.setattr(clock, "monotonic", lambda: began + SLOW_FOR + 1)
    await gate.run_once()

    assert (slow, gate.limit(claimed.lane, 50), gate.limit(uuid4(), 50)) == (25, 50, 50)
