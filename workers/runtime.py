"""A worker child's own event loop and connections: Celery's functions are synchronous, everything below is not."""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar
from uuid import UUID

import structlog

from core import clock
from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.publish import Publisher
from core.journal.tasks import TaskRecord
from core.model import ids
from core.redis import open_redis
from core.results import Results
from core.settings import Settings, require
from workers.ending import Ending
from workers.lifecycle import Runs, call
from workers.task_types.define import Definition

T = TypeVar("T")
CLOCK_AGE: Final = 10.0
POOL: Final = 1  # a child runs one task at a time

_log: Final = structlog.stdlib.get_logger()


class Runtime:
    """What one worker child needs; made after the fork."""

    def __init__(self, settings: Settings, *, leased_by: str) -> None:
        self._runner: Final = asyncio.Runner()
        self._database: Final = Database(require(settings.database_url, "DATABASE_URL"), size=POOL)
        self._publisher: Final = Publisher(require(settings.broker_url, "BROKER_URL"), make_celery(settings))
        self._redis: Final = open_redis(require(settings.redis_url, "REDIS_URL"))
        self._runs: Final = Runs(
            self._database,
            Results(self._redis, ttl=settings.result_ttl),
            Ending(self._publisher, settings.base_url),
            leased_by,
            settings.lease,
        )
        self._clock_read_at = -CLOCK_AGE
        self._publisher.start()

    def run(self, definition: Definition, task_id: UUID) -> bool:
        """Run a task from its start to its recorded end; false if there was nothing to do."""
        task = self._wait(self._start(task_id))
        if task is None:
            _log.info("task.nothing_to_do", task_id=ids.encode(ids.TASK, task_id))
            return False
        end = call(definition, task)
        ended = self._wait(self._runs.end(task, end))
        _log.info(
            "task",
            task_id=ids.encode(ids.TASK, task_id),
            type=task.type,
            run=task.run,
            status=end.status.value,
            error=end.error_code,
            ended=ended,
        )
        return ended

    def close(self) -> None:
        """Close every connection."""
        self._publisher.stop()
        self._wait(self._close())
        self._runner.close()

    def _wait(self, work: Coroutine[None, None, T]) -> T:
        return self._runner.run(work)

    async def _start(self, task_id: UUID) -> TaskRecord | None:
        if clock.monotonic() - self._clock_read_at > CLOCK_AGE:
            await self._database.ping()
            self._clock_read_at = clock.monotonic()
        return await self._runs.start(task_id)

    async def _close(self) -> None:
        await self._database.close()
        await self._redis.aclose()
