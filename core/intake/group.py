"""Submits of tasks that come while a transaction runs share the next one.

```
submit ──► waiting ──► one transaction: request keys, then tasks ──► each its own answer, after the commit
                           └── not made: its key is taken, or the group failed ──► `None`: the caller runs it alone
```
The ID of a task is made before its first run and kept, so that after a lost connection the group first looks what is
there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from core import fail_points
from core.database import Database
from core.dispatch.publish import Publisher
from core.intake.accept import NewTask
from core.intake.dedupe import RequestKey
from core.intake.group_queries import claim_keys, find_made, insert_tasks
from core.intake.shared import BACKLOG, BACKLOG_BYTES, Shared, look_again
from core.model.queued import QueuedTask

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


class TaskGroups:
    """Records tasks in shared transactions, and hands them to the publisher once they are committed."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        *,
        backlog: int = BACKLOG,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._shared: Final = Shared[Wanted, datetime | None](
            self._run, weigh=_weight, backlog=backlog, backlog_bytes=backlog_bytes
        )

    async def record(self, wanted: Wanted) -> datetime | None:
        """Return when the task was made, once it is committed; `None` if it has to be tried alone.

        Raises `UnavailableError` if too much waits already, and what the store raises if it is away.
        """
        return await self._shared.add(wanted)

    async def _run(self, group: Sequence[Wanted]) -> Sequence[datetime | None]:
        publish = self._publisher.ready
        try:
            made = await self._commit(group, publish=publish)
        except Exception as error:  # noqa: BLE001 - it is judged there
            _log.warning("submit.group_failed", size=len(group), error=type(error).__name__)
            made = await look_again(partial(self._find, [one.task.id for one in group]), error)
        if publish:
            tasks = [one.task for one in group if one.task.id in made and one.publish]
            self._publisher.tasks([QueuedTask(task.id, task.type.name, task.type.queue) for task in tasks])
        return [made.get(one.task.id) for one in group]

    async def _commit(self, group: Sequence[Wanted], *, publish: bool) -> dict[UUID, datetime]:
        async with self._database.engine() as tx:
            keys = [(one.key, one.task.id, one.status) for one in group if one.key is not None]
            mine = await claim_keys(tx, keys=keys) if keys else frozenset[UUID]()
            tasks = [one for one in group if one.key is None or one.task.id in mine]
            at_once = [publish and one.publish for one in tasks]
            made = await insert_tasks(tx, tasks=[one.task for one in tasks], publish=at_once)
        if fail_points.reached is not None:
            fail_points.reached("submit.committed")
        return made

    async def _find(self, ids: Sequence[UUID]) -> dict[UUID, datetime]:
        async with self._database.engine() as tx:
            return await find_made(tx, ids=ids)


def _weight(wanted: Wanted) -> int:
    return len(wanted.task.input)
