"""Whether Redis is there, and how many deliverers were last seen in it."""

import asyncio
from typing import Final, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

REDIS_ERRORS: Final = (RedisError, OSError, TimeoutError)
PATIENCE: Final = 0.25
"""Seconds that the gate waits for Redis before it goes on alone."""
SEEN: Final = 5.0
"""Seconds after which a deliverer that says nothing is taken for gone."""
_KEY: Final = "ringback:deliverers"


def soon() -> asyncio.Timeout:
    """Bound a call to Redis: the engine waits for it."""
    return asyncio.timeout(PATIENCE)


class Presence:
    """One deliverer among those that share a Redis; `redis` is `None` where none is configured."""

    def __init__(self, redis: Redis | None) -> None:
        self.redis: Final = redis
        self.away = redis is None
        self.deliverers = 1
        self._name: Final = uuid4().hex

    def lost(self) -> None:
        """Note that Redis is away; the gate's next turn looks again."""
        self.away = True

    def say(self, pipeline: Pipeline, now: float) -> None:
        """Add to a pipeline that this one is there; the last answer is how many are."""
        pipeline.zadd(_KEY, {self._name: now})
        pipeline.zremrangebyscore(_KEY, 0, now - SEEN)
        pipeline.zcard(_KEY)

    def heard(self, count: object) -> None:
        """Note how many there are."""
        self.away = False
        self.deliverers = max(1, cast("int", count))
