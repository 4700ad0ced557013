"""API processes that have seen each other in a Redis."""

from redis.asyncio import Redis

from core import clock
from core.lease.presence import APIS, Presence


async def met(redis: Redis, count: int) -> list[Presence]:
    """Return so many, each of which knows of all."""
    made = [Presence(redis, APIS) for _ in range(count)]
    for one in [*made, *made]:
        await one.meet(clock.unix_seconds())
    return made
