"""Runs that Celery kills at their hard time limit: each ends as one does that heeds the soft limit.

Called in the worker's main process, by the lease keeper: the child is being killed and can write nothing any more.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import structlog

from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.parts import join_name, part_name
from core.dispatch.publish import Publisher
from core.intake.telling import Teller
from core.model import ids
from core.model.endings import TaskAgain, TaskEnd
from core.model.ids import TaskId
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from core.settings import Settings, require
from workers.ending import PATIENCE, end_task, with_progress
from workers.lifecycle import killed
from workers.queries import read_attempt
from workers.task_types.define import Definition

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Overrun:
    """A run that is killed at the hard limit of its type; `run` is unknown where the message does not name it.

    `in_parts` if only a part was killed: parts are not tried again.
    """

    definition: Definition
    task_id: UUID
    run: int | None
    in_parts: bool = False


def overrun_of(
    definitions: Mapping[str, Definition], name: str, request_id: str, args: Sequence[object]
) -> Overrun | None:
    """Say whose run a Celery request is, by its name and its arguments; `None` for a name that nobody knows."""
    if name in definitions:
        return Overrun(definitions[name], UUID(request_id), None)
    for one in definitions.values():
        if name in {part_name(one.kind.name), join_name(one.kind.name)}:
            start = 1 if name == join_name(one.kind.name) else 0  # what the parts gave back comes first
            task_id, run = cast("tuple[str, int]", tuple(args[start : start + 2]))
            return Overrun(one, UUID(task_id), run, in_parts=True)
    return None


class TimeLimits:
    """Ends runs that were killed; publishes nothing itself, so that the feeder brings what there is to tell."""

    def __init__(self, settings: Settings) -> None:
        publisher = Publisher(require(settings.broker_url, "BROKER_URL"), make_celery(settings))  # never started
        self._publisher: Final = publisher
        self._settings: Final = settings

    async def end(self, database: Database, overrun: Overrun) -> None:
        """End the run, if it still holds its task: `time_limit`, or another attempt where the type's policy says so."""
        assert overrun.run is not None
        end = await self._next(database, overrun, overrun.run)
        if end is None:
            return
        end = with_progress(end, await self._shown(TaskId(overrun.task_id), overrun.run))
        await database.ping()  # the event's ID takes its time from Postgres
        teller = Teller(database, self._publisher, self._settings.base_url)
        task = await end_task(database, teller, task_id=TaskId(overrun.task_id), run=overrun.run, end=end)
        _log.warning(
            "task.time_limit",
            task_id=ids.encode(ids.TASK, overrun.task_id),
            type=overrun.definition.kind.name,
            run=overrun.run,
            recorded=task is not None,
        )

    async def _shown(self, task_id: TaskId, run: int) -> Progress | None:
        """Return how far the run was, if that can still be told."""
        if self._settings.redis_url is None:
            return None
        redis = open_redis(self._settings.redis_url)
        try:
            async with asyncio.timeout(PATIENCE):
                return await ProgressBoard(redis, ttl=self._settings.result_ttl).get(task_id, run)
        except TimeoutError:
            return None
        finally:
            await redis.aclose()

    async def _next(self, database: Database, overrun: Overrun, run: int) -> TaskEnd | TaskAgain | None:
        async with database.engine() as tx:
            attempt = await read_attempt(tx, task_id=overrun.task_id, run=run)
        if attempt is None:
            return None
        again, end = killed(overrun.definition, attempt)
        return end if again is None or overrun.in_parts else again
