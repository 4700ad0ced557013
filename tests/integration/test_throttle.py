"""A tenant's requests per second: one limit for all processes, and a share of it while Redis is away."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from api.throttle import FAILURES, Failures, Throttle
from core import clock
from core.lease.presence import APIS, Presence
from core.model.errors import LimitReachedError
from core.redis import open_redis
from tests.support.apps import NOWHERE
from tests.support.presences import met

Admit = Callable[[], Awaitable[None]]


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[Redis]:
    """An empty Redis."""
    opened = open_redis(redis_url)
    yield opened
    await opened.aclose()


@pytest.fixture
async def nowhere() -> AsyncGenerator[Redis]:
    """A Redis that is away."""
    opened = open_redis(f"unix://{NOWHERE}/redis.sock?db=1")
    yield opened
    await opened.aclose()


async def let_in(*admits: Admit, times: int) -> int:
    """Ask so many times, in turn; return how many were let in."""
    count = 0
    for number in range(times):
        try:
            await admits[number % len(admits)]()
        except LimitReachedError:
            continue
        count += 1
    return count


async def let_in_for(seconds: float, admit: Admit) -> int:
    """Ask again and again; return how many were let in."""
    count, until = 0, clock.monotonic() + seconds
    while clock.monotonic() < until:
        count += await let_in(admit, times=1)
    return count


def fail(failures: Failures, address: str, *, times: int) -> None:
    """Come from an address so many times, without a valid key."""
    for _ in range(times):
        failures.count(address)


def throttle_of(redis: Redis) -> Throttle:
    """Return that of a process that has seen no other one."""
    return Throttle(redis, Presence(redis, APIS))


def asking(throttle: Throttle, tenant: UUID, per_second: int | None) -> Admit:
    return lambda: throttle.admit(tenant, per_second)


async def test_a_second_s_worth_is_let_in_at_once(redis: Redis) -> None:
    begun = clock.monotonic()

    count = await let_in(asking(throttle_of(redis), uuid4(), 5), times=20)

    assert 5 <= count <= 6 + 5 * (clock.monotonic() - begun)


async def test_processes_share_one_limit(redis: Redis) -> None:
    tenant = uuid4()
    admits = [asking(throttle_of(redis), tenant, 5) for _ in range(4)]
    begun = clock.monotonic()

    count = await let_in(*admits, times=40)

    assert 5 <= count <= 6 + 5 * (clock.monotonic() - begun)


async def test_each_tenant_has_its_own(redis: Redis) -> None:
    throttle = throttle_of(redis)
    await let_in(asking(throttle, uuid4(), 1), times=5)

    assert await let_in(asking(throttle, uuid4(), 1), times=1) == 1


async def test_there_is_room_again_after_a_while(redis: Redis) -> None:
    admit = asking(throttle_of(redis), uuid4(), 50)
    await let_in(admit, times=60)

    assert await let_in_for(1, admit) >= 5


async def test_no_limit_asks_nobody(nowhere: Redis) -> None:
    assert await let_in(asking(throttle_of(nowhere), uuid4(), None), times=1000) == 1000


async def test_who_is_refused_is_told_the_limit(redis: Redis) -> None:
    throttle, tenant = throttle_of(redis), uuid4()
    await throttle.admit(tenant, 1)

    with pytest.raises(LimitReachedError) as refused:
        await throttle.admit(tenant, 1)

    assert (refused.value.policy, refused.value.quota, refused.value.reset) == ("requests-per-second", 1, 1)


async def test_while_redis_is_away_a_process_goes_on_alone(nowhere: Redis) -> None:
    assert 5 <= await let_in(asking(throttle_of(nowhere), uuid4(), 5), times=20) <= 6


async def test_while_redis_is_away_each_process_grants_its_share(redis: Redis, nowhere: Redis) -> None:
    tenant = uuid4()
    admits = [asking(Throttle(nowhere, one), tenant, 8) for one in await met(redis, 4)]

    granted = await let_in(*admits, times=80)

    assert 4 <= granted <= 12


def test_an_address_may_fail_often_but_not_without_end() -> None:
    failures = Failures()
    fail(failures, "192.0.2.1", times=int(FAILURES.at_once))

    with pytest.raises(LimitReachedError, match="without a valid API key"):
        fail(failures, "192.0.2.1", times=100)

    failures.check("192.0.2.2")
    with pytest.raises(LimitReachedError):
        failures.check("192.0.2.1")
