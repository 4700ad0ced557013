"""Group commit: submits that come while a transaction runs share the next one.

```
submit ──► waiting ──► one transaction: request keys, then tasks ──► each its own answer, after the commit
                           └── not made: its key is taken, or the group failed ──► `None`: the caller runs it alone
```
Nothing lingers: what has queued while the last commit ran goes next. The ID of a task is made before its first run
and kept, so that after a lost connection the group first looks what is there.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_fixed

from core.database import Database, is_away
from core.dispatch.publish import Publisher
from core.intake.accept import NewTask
from core.intake.dedupe import RequestKey
from core.intake.group_queries import claim_keys, find_made, insert_tasks
from core.model.errors import UnavailableError
from core.model.queued import QueuedTask

SIZE: Final = 500
BACKLOG: Final = 2_000
"""Submits that may wait; 503 beyond. At 500 a commit that is a second or two of waiting at the worst."""
PATIENCE: Final = 5.0
"""Seconds that a group whose connection was lost waits for Postgres, to see whether it was committed."""

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task to record, with its request's key and the status that is kept with that.

    `publish` says whether it may go to the broker at once: not if it is delayed, or its tenant has its share there.
    """

    task: NewTask
    key: RequestKey | None
    status: int
    publish: bool = True


@dataclass(frozen=True, slots=True)
class _Waiting:
    wanted: Wanted
    made_at: "asyncio.Future[datetime | None]"


class TaskGroups:
    """Records tasks in shared transactions, and hands them to the publisher once they are committed."""

    def __init__(self, database: Database, publisher: Publisher, *, backlog: int = BACKLOG) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._backlog: Final = backlog
        self._waiting: Final[deque[_Waiting]] = deque()
        self._flushing: asyncio.Task[None] | None = None

    async def record(self, wanted: Wanted) -> datetime | None:
        """Return when the task was made, once it is committed; `None` if it has to be tried alone.

        Raises `UnavailableError` if too much waits already, and what the store raises if it is away.
        """
        if len(self._waiting) >= self._backlog:
            raise UnavailableError
        one = _Waiting(wanted, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await one.made_at

    async def _flush(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(SIZE, len(self._waiting)))]
            try:
                made = await self._run([one.wanted for one in group])
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
                _settle(group, error)
            else:
                _settle(group, made)

    async def _run(self, group: Sequence[Wanted]) -> dict[UUID, datetime]:
        publish = self._publisher.ready
        try:
            made = await self._commit(group, publish=publish)
        except Exception as error:  # noqa: BLE001 - it is judged there
            _log.warning("submit.group_failed", size=len(group), error=type(error).__name__)
            made = await self._look(group, error)
        if publish:
            tasks = [one.task for one in group if one.task.id in made and one.publish]
            self._publisher.tasks([QueuedTask(task.id, task.type.name, task.type.queue) for task in tasks])
        return made

    async def _commit(self, group: Sequence[Wanted], *, publish: bool) -> dict[UUID, datetime]:
        async with self._database.engine() as tx:
            keys = [(one.key, one.task.id, one.status) for one in group if one.key is not None]
            mine = await claim_keys(tx, keys=keys) if keys else frozenset[UUID]()
            tasks = [one for one in group if one.key is None or one.task.id in mine]
            at_once = [publish and one.publish for one in tasks]
            return await insert_tasks(tx, tasks=[one.task for one in tasks], publish=at_once)

    async def _look(self, group: Sequence[Wanted], error: Exception) -> dict[UUID, datetime]:
        """Return what is there after all; raise the first error if Postgres stays away."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda raised: isinstance(raised, Exception) and is_away(raised)),
            wait=wait_fixed(0.1),
            stop=stop_after_delay(PATIENCE),
            reraise=True,
        )
        try:
            found: dict[UUID, datetime] = await retrying(self._find, [one.task.id for one in group])
        except Exception:  # noqa: BLE001 - the first error says more
            raise error from None
        return found

    async def _find(self, ids: Sequence[UUID]) -> dict[UUID, datetime]:
        async with self._database.engine() as tx:
            return await find_made(tx, ids=ids)


def _settle(group: Sequence[_Waiting], made: dict[UUID, datetime] | Exception) -> None:
    for one in group:
        if one.made_at.done():  # its client has gone; its row is there all the same
            continue
        if isinstance(made, Exception):
            one.made_at.set_exception(made)
        else:
            one.made_at.set_result(made.get(one.wanted.task.id))
