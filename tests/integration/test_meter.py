"""Rate limits: what deliverers draw together, and each for itself while Redis is away."""

from uuid import UUID, uuid4

import pytest

from core.journal.held import read_held
from tests.support.deliverers import AWAY, meters, presences
from tests.support.stores import ask_redis

LANE = UUID(int=1)


def calls(url: str) -> int:
    """Return how many scripts Redis has run."""
    lines = [line for line in ask_redis(url, "INFO", "commandstats") if line.startswith("cmdstat_eval:")]
    return sum(int(line.split("calls=")[1].split(",")[0]) for line in lines)


async def test_deliverers_draw_from_one_bucket(redis_url: str) -> None:
    async with meters(redis_url, 2, {LANE: 10}) as (first, second):
        drawn = [await first.draw({LANE: 5}), await second.draw({LANE: 5})]

    assert [one[LANE].granted for one in drawn] == [1, 0]
    assert 0 < drawn[1][LANE].wait <= 0.1


async def test_a_tenth_of_a_second_may_go_at_once(redis_url: str) -> None:
    async with meters(redis_url, 1, {LANE: 200}) as (meter,):
        drawn = await meter.draw({LANE: 50})

    assert drawn[LANE].granted == 20


async def test_lanes_have_buckets_of_their_own(redis_url: str) -> None:
    other = uuid4()
    async with meters(redis_url, 1, {LANE: 1, other: 1}) as (meter,):
        await meter.draw({LANE: 1})

        drawn = await meter.draw({LANE: 1, other: 1})

    assert (drawn[LANE].granted, drawn[other].granted) == (0, 1)


async def test_a_batch_of_lanes_is_one_call(redis_url: str) -> None:
    lanes = {uuid4(): 1 for _ in range(100)}
    async with meters(redis_url, 1, lanes) as (meter,):
        before = calls(redis_url)

        await meter.draw(dict.fromkeys(lanes, 3))

        assert calls(redis_url) - before == 1


async def test_a_wiped_redis_starts_afresh(redis_url: str) -> None:
    async with meters(redis_url, 1, {LANE: 1}) as (meter,):
        await meter.draw({LANE: 1})
        ask_redis(redis_url, "FLUSHALL")

        assert (await meter.draw({LANE: 1}))[LANE].granted == 1


@pytest.mark.parametrize(("deliverers", "granted", "wait"), [(1, 4, 1 / 40), (2, 2, 1 / 20), (4, 1, 1 / 10)])
async def test_without_redis_each_draws_its_share(deliverers: int, granted: int, wait: float) -> None:
    async with meters(AWAY, deliverers, {LANE: 40}) as made:
        drawn = await made[0].draw({LANE: 50})

    assert drawn[LANE].granted == granted
    assert drawn[LANE].wait == pytest.approx(wait, abs=0.001)


async def test_tokens_that_led_to_nothing_are_used_first(redis_url: str) -> None:
    async with meters(redis_url, 1, {LANE: 1}) as (meter,):
        await meter.draw({LANE: 1})
        meter.give_back(LANE, 1)

        drawn = [(await meter.draw({LANE: 1}))[LANE].granted for _ in range(2)]

    assert drawn == [1, 0]


async def test_a_lane_whose_limit_is_gone_is_no_longer_metered(redis_url: str) -> None:
    async with meters(redis_url, 1, {LANE: 1}) as (meter,):
        meter.learn(LANE, None)

        assert LANE not in meter


async def test_without_redis_nothing_is_said_of_what_a_lane_waits_for() -> None:
    async with presences(AWAY, 1) as (present,):
        assert present.redis is not None

        assert await read_held(present.redis, {LANE: 1}) == {}
