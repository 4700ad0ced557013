"""The engine behind its gate: what is not claimed yet, and when it goes."""

import asyncio
from uuid import UUID

import pytest

from core import clock
from core.database import Database
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.model.outcome import ErrorClass, Outcome, OutcomeKind, Response
from core.model.queued import Queued
from tests.support.claiming import DOWN, OK, claim, claim_one
from tests.support.deliverers import AWAY, Clock, gates
from tests.support.engines import Post, new_engine, running
from tests.support.pulse import stopwatch
from tests.support.rows import Rows
from workers.delivery.gate import Gate
from workers.feeder.delivery_queries import take_due_deliveries


def named(lane: UUID, tenant: UUID, ids: list[UUID], *, asked: bool = False) -> list[Queued]:
    return [Queued(one, lane, tenant, asked=asked) for one in ids]


def answered(status: int, **headers: str) -> Outcome:
    """Return the outcome of a failure; underscores in header names stand for hyphens."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Outcome(OutcomeKind.FAILED, ErrorClass.HTTP_STATUS, response=Response(status, pairs, b"", truncated=False))


async def untouched(rows: Rows) -> bool:
    """Tell whether no delivery was ever claimed."""
    return await rows.one("SELECT max(claim) AS n FROM deliveries") == {"n": 0}


async def test_what_has_a_rate_limit_is_not_claimed_without_a_token(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, rate_limit=1)
    made = await rows.deliveries(2, tenant, endpoint)

    assert await claim(database, *made) == ()
    assert await untouched(rows)


@pytest.mark.parametrize("url", [None, AWAY], ids=["with Redis", "without"])
async def test_the_first_of_a_lane_with_a_rate_limit_goes_at_once_and_no_more(
    database: Database, rows: Rows, tenant: TenantId, redis_url: str, url: str | None
) -> None:
    endpoint, post = await rows.endpoint(tenant, rate_limit=1), Post(database)
    made = await rows.deliveries(5, tenant, endpoint)
    async with gates(url or redis_url, Clock(), 1) as (gate,):
        engine = new_engine(post, gate=gate)
        engine.offer(named(endpoint, tenant, [*made]))

        started = [await engine.turn(), await engine.turn()]

    post.let_go.set()
    assert started == [1, 0]


async def test_two_deliverers_together_keep_the_rate(
    database: Database, rows: Rows, tenant: TenantId, redis_url: str
) -> None:
    endpoint, post = await rows.endpoint(tenant, rate_limit=20), Post(database)
    made = await rows.deliveries(30, tenant, endpoint)
    post.let_go.set()
    began = clock.monotonic()

    with stopwatch() as spent:
        async with gates(redis_url, Clock()) as both:
            first, second = [new_engine(post, gate=gate) for gate in both]
            async with running(first), running(second):
                first.offer(named(endpoint, tenant, [*made[:15]]))
                second.offer(named(endpoint, tenant, [*made[15:]]))
                await post.wait_for(30, post.ended)
        assert spent() < 4

    assert clock.monotonic() - began >= 27 / 20
    assert set(post.ended) == set(made)


async def test_a_rate_limit_that_is_gone_is_gone_with_the_next_claim(
    database: Database, rows: Rows, tenant: TenantId, redis_url: str
) -> None:
    endpoint, post = await rows.endpoint(tenant, rate_limit=2), Post(database)
    made = await rows.deliveries(20, tenant, endpoint)
    post.let_go.set()

    async with gates(redis_url, Clock(), 1) as (gate,):
        engine = new_engine(post, gate=gate)
        async with running(engine):
            engine.offer(named(endpoint, tenant, [*made]))
            await post.wait_for(1, post.ended)
            await rows.change(tables.endpoints, endpoint, rate_limit=None)
            await post.wait_for(20, post.ended)

        assert endpoint not in gate.meter


async def test_a_resend_waits_for_a_token_and_goes_before_the_others(
    database: Database, rows: Rows, tenant: TenantId, redis_url: str
) -> None:
    endpoint, post = await rows.endpoint(tenant, rate_limit=5), Post(database)
    made = await rows.deliveries(4, tenant, endpoint)
    await rows.change(tables.deliveries, made[3], trigger="resend")
    post.let_go.set()

    async with gates(redis_url, Clock(), 1) as (gate,):
        engine = new_engine(post, gate=gate)
        async with running(engine):
            engine.offer([*named(endpoint, tenant, [*made[:3]]), *named(endpoint, tenant, [made[3]], asked=True)])
            await post.wait_for(2, post.ended)

    assert made[3] in post.started[:2]


async def test_an_open_breaker_lets_nothing_be_claimed_but_a_resend(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, redis_url: str
) -> None:
    made, post, time = await rows.deliveries(5, tenant, endpoint), Post(database), Clock()
    await rows.change(tables.deliveries, made[4], trigger="resend")
    async with gates(redis_url, time, 1) as (gate,):
        await break_lane(gate, endpoint)
        engine = new_engine(post, gate=gate)
        engine.offer([*named(endpoint, tenant, [*made[:4]]), *named(endpoint, tenant, [made[4]], asked=True)])

        started = [await engine.turn(), await engine.turn()]

    post.let_go.set()
    claims = await rows.all("SELECT claim FROM deliveries ORDER BY due_at")
    assert started == [1, 0]
    assert [row["claim"] for row in claims] == [0, 0, 0, 0, 1]


async def test_after_its_time_one_goes_and_its_success_lets_the_others_go(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, redis_url: str
) -> None:
    made, post, time = await rows.deliveries(30, tenant, endpoint), Post(database), Clock()
    async with gates(redis_url, time, 1) as (gate,):
        await break_lane(gate, endpoint)
        time.now += 31
        engine = new_engine(post, gate=gate)
        async with running(engine):
            engine.offer(named(endpoint, tenant, [*made]))
            await post.wait_for(1, post.started)
            probes = engine.in_flight
            gate.holds.count(endpoint, succeeded=True, seconds=0.1)
            post.let_go.set()
            await post.wait_for(30, post.ended)

    assert probes == 1
    assert set(post.ended) == set(made)


@pytest.mark.parametrize(("after", "taken"), [(0, 0), (31, 1)])
async def test_the_feeder_brings_nothing_for_an_open_breaker_but_the_probe(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, after: float, taken: int
) -> None:
    await rows.deliveries(5, tenant, endpoint)
    time = Clock()
    gate = Gate(None, time)
    await break_lane(gate, endpoint)
    time.now += after

    async with database.engine() as tx:
        due = await take_due_deliveries(tx, limit=99, default_cap=50, rooms=gate.holds.rooms())

    assert len(due.queued) == taken


async def test_the_feeder_brings_a_resend_past_a_breaker_and_a_long_pause(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    paused = await rows.endpoint(tenant, status="paused", max_in_flight=2)
    *_, last = await rows.deliveries(50, tenant, paused)
    await rows.change(tables.deliveries, last, trigger="resend")

    async with database.engine() as tx:
        due = await take_due_deliveries(tx, limit=99, default_cap=50, rooms={paused: 0})

    assert due.queued == (Queued(last, paused, tenant, asked=True),)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_receiver_for_which_it_is_too_much_gets_half_at_once(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, status: int
) -> None:
    (made,) = await rows.deliveries(1, tenant, endpoint)
    claimed, gate = await claim_one(database, made), Gate(None, Clock())

    gate.note(claimed, answered(status), 0.0)

    assert gate.limit(endpoint, 50) == 25


@pytest.mark.parametrize("outcome", [DOWN, OK, answered(400)], ids=["500", "200", "400"])
async def test_other_answers_slow_nothing_down(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, outcome: Outcome
) -> None:
    (made,) = await rows.deliveries(1, tenant, endpoint)
    claimed, gate = await claim_one(database, made), Gate(None, Clock())

    gate.note(claimed, outcome, 0.0)

    assert gate.limit(endpoint, 50) == 50


async def test_successes_bring_a_slowed_lane_back(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    (made,) = await rows.deliveries(1, tenant, endpoint)
    claimed, gate = await claim_one(database, made), Gate(None, Clock())
    gate.note(claimed, answered(429), 0.0)

    limits = [(gate.note(claimed, OK, 0.0), gate.limit(endpoint, 50))[1] for _ in range(1000)]

    assert (limits[0], limits[30], limits[-1]) == (25, 26, 50)


@pytest.mark.parametrize(
    ("outcome", "held"),
    [
        (answered(429, retry_after="20"), 20),
        (answered(503, retry_after="Mon, 12 Jan 1970 13:47:10 GMT"), 30),
        (answered(503, retry_after="86400"), 600),
        (answered(502, retry_after="20"), 0),
        (answered(429), 0),
    ],
)
async def test_a_lane_rests_as_long_as_its_receiver_asks(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, outcome: Outcome, held: float
) -> None:
    (made,) = await rows.deliveries(1, tenant, endpoint)
    claimed, gate = await claim_one(database, made), Gate(None, Clock())

    gate.note(claimed, outcome, 0.0)

    assert gate.held_for(endpoint) == held
    assert gate.limit(endpoint, 50) == (0 if held else 25 if outcome.response else 50)


async def test_two_deliverers_keep_a_lanes_cap_but_for_one_batch(
    database: Database, rows: Rows, tenant: TenantId, redis_url: str
) -> None:
    endpoint, post = await rows.endpoint(tenant, max_in_flight=3), Post(database)
    made = await rows.deliveries(20, tenant, endpoint)
    async with gates(redis_url, Clock()) as both:
        engines = [new_engine(post, cap=3, gate=gate) for gate in both]
        for engine in engines:
            engine.offer(named(endpoint, tenant, [*made]))

        started = await asyncio.gather(*(engine.turn() for engine in engines))
        more = [await engine.turn() for engine in engines]

    post.let_go.set()
    assert 3 <= sum(started) <= 6
    assert more == [0, 0]


async def break_lane(gate: Gate, lane: UUID) -> None:
    """Have the breaker of a lane open."""
    for _ in range(10):
        gate.holds.count(lane, succeeded=False, seconds=0.0)
    await gate.run_once()
