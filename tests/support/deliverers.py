"""What several deliverers share: a Redis, and a clock that a test sets."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from core.lease.meter import Meter
from core.lease.presence import DELIVERERS, Presence
from core.redis import open_redis
from workers.delivery.gate import Gate
from workers.delivery.holds import Holds

AWAY = "unix:///nonexistent/redis.sock?db=1"


class Clock:
    """A time in Unix seconds that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@asynccontextmanager
async def presences(url: str, count: int) -> AsyncGenerator[list[Presence]]:
    """Open a Redis as so many processes would."""
    clients = [open_redis(url) for _ in range(count)]
    try:
        yield [Presence(client, DELIVERERS) for client in clients]
    finally:
        for client in clients:
            await client.aclose()


@asynccontextmanager
async def meters(url: str, count: int, rates: dict[UUID, int]) -> AsyncGenerator[list[Meter]]:
    """Make meters of several deliverers that know these rates."""
    async with presences(url, count) as present:
        made = [Meter(one.redis, one) for one in present]
        for one in present:
            one.heard(count)
        for lane, rate in rates.items():
            for meter in made:
                meter.learn(lane, rate)
        yield made


@asynccontextmanager
async def holders(url: str, clock: Clock, count: int = 2) -> AsyncGenerator[list[Holds]]:
    """Make the holds of several deliverers."""
    async with presences(url, count) as present:
        yield [Holds(one, clock) for one in present]


@asynccontextmanager
async def gates(url: str, clock: Clock, count: int = 2) -> AsyncGenerator[list[Gate]]:
    """Make the gates of several deliverers, which have seen each other."""
    async with presences(url, count) as present:
        made = [Gate(one.redis, clock) for one in present]
        for one in [*made, *made]:
            await one.run_once()
        yield made
