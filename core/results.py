"""Results of tasks in Redis, under (task, run), so that a run that was given up overwrites nothing.

Small results stand in Postgres too; what is only here is gone when Redis is wiped (410).

```
put     ──► the result, unless something stands there: of one run there is one result
erase   ──► an empty value in its place, which no result is: a put that comes after it finds it, and writes nothing
```
A worker puts a small result after its commit, and may be overtaken by an erasure there. It need not ask Postgres once
more: whichever of the two comes last, the empty value is what remains.
"""

import asyncio
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.model.errors import UnavailableError
from core.model.ids import TaskId

PATIENCE: Final = 2.0
"""Seconds that a read may take in all, retries included."""
RESULT_LIMIT: Final = 10 * 1024 * 1024
RECORDED_FOR: Final = 600
"""Seconds at most that Redis keeps a result that stands in the record too: a day's tasks would fill it."""
_ERASED: Final = b""

_log: Final = structlog.stdlib.get_logger()


class Results:
    """The results that Redis holds."""

    def __init__(self, redis: Redis, *, ttl: int) -> None:
        self._redis: Final = redis
        self._ttl: Final = ttl

    async def put(self, task_id: TaskId, run: int, result: bytes) -> None:
        """Keep a result for its time, unless it was erased; raise `RedisError` if Redis is away."""
        await self._redis.set(_key(task_id, run), result, ex=self._ttl, nx=True)

    async def put_and_tell(self, task_id: TaskId, run: int, result: bytes, *, channel: str) -> None:
        """Do as `put` with a result that stands in the record too, and tell those who listen.

        Nothing happens if Redis is away.
        """
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.set(_key(task_id, run), result, ex=min(self._ttl, RECORDED_FOR), nx=True)
                pipeline.publish(channel, str(task_id))  # pyright: ignore[reportUnknownMemberType] - untyped options
                await pipeline.execute()
        except RedisError as error:
            _log.warning("result.not_kept", task_id=str(task_id), error=type(error).__name__)

    async def ping(self) -> None:
        """Raise `RedisError` if Redis is away."""
        await self._redis.exists("ringback:ping")

    async def erase(self, task_id: TaskId, run: int) -> None:
        """Forget a result, and one that is put within the time that it would be kept.

        Raises `RedisError` if Redis is away.
        """
        await self._redis.set(_key(task_id, run), _ERASED, ex=self._ttl)

    async def forget(self, task_id: TaskId, run: int) -> None:
        """Forget a result after which none is to come; raise `RedisError` if Redis is away."""
        await self._redis.delete(_key(task_id, run))

    async def get(self, task_id: TaskId, run: int) -> bytes | None:
        """Return a result, or `None` if it is gone or was erased; raise `UnavailableError` if Redis is away."""
        try:
            async with asyncio.timeout(PATIENCE):
                found: object = await self._redis.get(_key(task_id, run))
        except (RedisError, TimeoutError) as error:
            _log.warning("results.unavailable", error=type(error).__name__)
            raise UnavailableError from None
        return found if isinstance(found, bytes) and found != _ERASED else None


def _key(task_id: TaskId, run: int) -> str:
    return f"ringback:result:{task_id}:{run}"
