"""Breakers and pauses that deliverers share, and what one does alone while Redis is away."""

from uuid import UUID, uuid4

import pytest

from core.journal.held import HOLDS, hold_text, read_hold
from core.model.breaker import Hold
from tests.support.deliverers import AWAY, Clock, holders
from tests.support.stores import ask_redis
from workers.delivery.holds import Holds

LANE = UUID(int=1)


@pytest.fixture
def clock() -> Clock:
    """The clock of all deliverers."""
    return Clock()


def fail(holds: Holds, count: int, *, seconds: float = 0.0) -> None:
    for _ in range(count):
        holds.count(LANE, succeeded=False, seconds=seconds)


def succeed(holds: Holds, count: int) -> None:
    for _ in range(count):
        holds.count(LANE, succeeded=True, seconds=0.0)


async def flush(*every: Holds) -> None:
    for one in every:
        await one.flush()


async def break_lane(*every: Holds) -> None:
    """Have the breaker open, and everyone know."""
    fail(every[0], 10)
    await flush(*every)


async def test_failures_that_two_deliverers_saw_open_it_for_both(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (first, second):
        fail(first, 5)
        await first.flush()
        before = first.room(LANE)
        fail(second, 5)

        await flush(second, first, second, first)

        assert (before, first.room(LANE), second.room(LANE)) == (None, 0, 0)
        assert first.rooms() == {LANE: 0}


async def test_the_successes_of_another_deliverer_count(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (well, ill):
        succeed(well, 10)
        fail(ill, 10)

        await flush(well, ill, well)

        assert (well.room(LANE), ill.room(LANE)) == (None, None)


@pytest.mark.parametrize("url", [None, AWAY], ids=["with Redis", "without"])
async def test_what_failed_more_than_a_minute_ago_does_not_count(redis_url: str, clock: Clock, url: str | None) -> None:
    async with holders(url or redis_url, clock, 1) as (holds,):
        fail(holds, 9)
        await holds.flush()
        clock.now += 66
        fail(holds, 1)

        await holds.flush()

        assert holds.room(LANE) is None


@pytest.mark.parametrize("url", [None, AWAY], ids=["with Redis", "without"])
async def test_what_failed_within_the_minute_counts_together(redis_url: str, clock: Clock, url: str | None) -> None:
    async with holders(url or redis_url, clock, 1) as (holds,):
        fail(holds, 9)
        await holds.flush()
        clock.now += 50
        fail(holds, 1)

        await holds.flush()

        assert holds.room(LANE) == 0


async def test_after_its_time_one_probe_goes_from_all_deliverers(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (first, second):
        await break_lane(first, second)
        clock.now += 30

        probes = [await first.take_probes([LANE]), await second.take_probes([LANE])]

        assert (first.room(LANE), second.room(LANE)) == (1, 1)
        assert probes == [{LANE}, set()]


async def test_probes_of_many_lanes_are_taken_together(redis_url: str, clock: Clock) -> None:
    lanes = [uuid4() for _ in range(500)]
    async with holders(redis_url, clock) as (first, second):
        await second.take_probes(lanes[::2])

        assert await first.take_probes(lanes) == set(lanes[1::2])


async def test_a_probe_that_led_to_nothing_lets_another_go(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (first, second):
        await break_lane(first, second)
        clock.now += 30
        await first.take_probes([LANE])

        first.drop_probe(LANE)
        await first.flush()

        assert await second.take_probes([LANE])


async def test_a_success_closes_it_here_at_once_and_elsewhere_with_the_next_exchange(
    redis_url: str, clock: Clock
) -> None:
    async with holders(redis_url, clock) as (first, second):
        await break_lane(first, second)
        clock.now += 31
        succeed(first, 1)
        seen = [first.room(LANE), second.room(LANE)]

        await flush(first, second)

        assert (seen, second.room(LANE)) == ([None, 1], None)


async def test_what_failed_before_it_closed_does_not_open_it_again(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock, 1) as (holds,):
        await break_lane(holds)
        clock.now += 31
        succeed(holds, 1)
        fail(holds, 3)

        await flush(holds, holds)

        assert holds.room(LANE) is None


async def test_a_failed_probe_holds_it_twice_as_long_everywhere(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (first, second):
        await break_lane(first, second)
        clock.now += 31
        fail(first, 1, seconds=0.5)
        await flush(first, second)
        clock.now += 59.9
        held = [first.room(LANE), second.room(LANE)]
        clock.now += 0.2

        assert (held, first.room(LANE), second.room(LANE)) == ([0, 0], 1, 1)


async def test_what_was_on_the_wire_when_it_opened_does_not_double_it(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock, 1) as (holds,):
        await break_lane(holds)
        clock.now += 31

        fail(holds, 5, seconds=31)

        assert holds.room(LANE) == 1


async def test_a_pause_that_a_receiver_asked_for_holds_for_all(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (first, second):
        first.pause(LANE, 20)
        await flush(first, second)
        held = second.room(LANE)
        clock.now += 20

        assert (held, second.room(LANE)) == (0, None)


async def test_a_deliverer_that_starts_knows_what_is_held(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (first, late):
        await break_lane(first)

        await late.flush()

        assert late.room(LANE) == 0


async def test_a_wiped_redis_closes_all(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock, 1) as (holds,):
        await break_lane(holds, holds)
        ask_redis(redis_url, "FLUSHALL")

        await holds.flush()

        assert holds.room(LANE) is None


async def test_alone_a_deliverer_goes_by_what_it_has_seen(clock: Clock) -> None:
    async with holders(AWAY, clock) as (first, second):
        await break_lane(first, second)
        clock.now += 30

        assert (first.room(LANE), second.room(LANE)) == (1, None)
        assert await first.take_probes([LANE])


async def test_what_was_decided_while_redis_was_away_is_shared_once_it_is_back(redis_url: str, clock: Clock) -> None:
    async with holders(AWAY, clock, 1) as (away,), holders(redis_url, clock) as (back, other):
        await break_lane(away)
        back.__dict__ |= {name: away.__dict__[name] for name in ("_holds", "_changed", "_counts", "_alone")}

        await flush(back, other)

        assert other.rooms() == {LANE: 0}


async def test_an_old_breaker_that_nothing_probes_is_forgotten(redis_url: str, clock: Clock) -> None:
    async with holders(redis_url, clock) as (first, second):
        await break_lane(first, second)
        clock.now += Hold(0, 30).length + 3601

        await flush(first, first, second)

        assert (first.any, second.any) == (False, False)


async def test_only_what_has_changed_is_decoded_again(
    redis_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []

    def counting(kept: bytes) -> Hold:
        decoded.append(kept)
        return read_hold(kept)

    monkeypatch.setattr("workers.delivery.holds.read_hold", counting)
    held, ends, longer = Hold(clock.now + 9, 0), Hold(clock.now + 8, 0), Hold(clock.now + 99, 0)
    stays, goes = uuid4(), uuid4()
    async with holders(redis_url, clock, 1) as (holds,):
        ask_redis(redis_url, "HSET", HOLDS, stays.hex, hold_text(held), goes.hex, hold_text(ends))
        await flush(holds, holds)
        ask_redis(redis_url, "HSET", HOLDS, stays.hex, hold_text(longer))
        ask_redis(redis_url, "HDEL", HOLDS, goes.hex)

        await flush(holds, holds)

        assert [holds.seconds_left(stays), holds.room(goes)] == [99, None]
        assert sorted(decoded) == sorted(hold_text(one).encode() for one in (held, ends, longer))


async def test_what_is_decided_here_does_not_change_what_redis_is_known_to_keep(redis_url: str, clock: Clock) -> None:
    text = hold_text(Hold(clock.now + 30, 30))
    async with holders(redis_url, clock, 1) as (holds,):
        ask_redis(redis_url, "HSET", HOLDS, LANE.hex, text)
        await holds.flush()
        clock.now += 31
        succeed(holds, 1)
        await holds.flush()
        ask_redis(redis_url, "HSET", HOLDS, LANE.hex, text)

        await holds.flush()

        assert holds.room(LANE) == 1
