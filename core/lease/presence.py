"""Whether Redis is there, and how many processes of a kind were last seen in it."""

import asyncio
from typing import Final, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

REDIS_ERRORS: Final = (RedisError, OSError, TimeoutError)
PATIENCE: Final = 0.25
"""Seconds that a process waits for Redis before it goes on alone."""
SEEN: Final = 5.0
"""Seconds after which a process that says nothing is taken for gone."""
DELIVERERS: Final = "deliverers"
APIS: Final = "apis"


def soon() -> asyncio.Timeout:
    """Bound a call to Redis: somebody waits for it."""
    return asyncio.timeout(PATIENCE)


class Presence:
    """One process among those of its kind that share a Redis; `redis` is `None` where none is configured."""

    def __init__(self, redis: Redis | None, kind: str) -> None:
        self.redis: Final = redis
        self.away = redis is None
        self.processes = 1
        self._key: Final = f"ringback:{kind}"
        self._name: Final = uuid4().hex

    def lost(self) -> None:
        """Note that Redis is away; whoever says again that this one is there looks again."""
        self.away = True

    def say(self, pipeline: Pipeline, now: float) -> None:
        """Add to a pipeline that this one is there; the last answer is how many are."""
        pipeline.zadd(self._key, {self._name: now})
        pipeline.zremrangebyscore(self._key, 0, now - SEEN)
        pipeline.zcard(self._key)

    def heard(self, count: object) -> None:
        """Note how many there are."""
        self.away = False
        self.processes = max(1, cast("int", count))

    async def meet(self, now: float) -> None:
        """Say that this one is there, and note how many are, or that Redis is away; `now` is a time that all share."""
        if self.redis is None:
            return
        try:
            async with soon(), self.redis.pipeline(transaction=False) as pipeline:
                self.say(pipeline, now)
                *_, count = cast("list[object]", await pipeline.execute())
        except REDIS_ERRORS:
            self.lost()
        else:
            self.heard(count)
