"""`endpoints.recover`: reopens what an endpoint has missed, a batch a transaction.

```
ceiling ◄── the last place in the order, noted once: what is reopened gets one behind it, and is not found again
batch   ──► reopened + counted in one transaction ──► the next, from where this one ended
```
So a run that is killed goes on where it was, and counts nothing twice. The feeder brings what is due, each endpoint up
to its room: a recover of a million delays nobody else.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Final, Self, TypeVar

import uvloop
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database
from core.intake.recover import ATTEMPTS, RECOVER
from core.journal.retention_queries import hold_past
from core.model import ids
from core.settings import require
from workers.soft_limit import SOFT_LIMIT
from workers.task_types import recovery_queries
from workers.task_types.context import CancelledTaskError
from workers.task_types.define import Retry, TaskContext, TaskError, task_type
from workers.task_types.recovery_queries import Batch, Stretch

BATCH: Final = 500

T = TypeVar("T")


@task_type(
    RECOVER.name,
    queue=RECOVER.queue,
    soft_time_limit=RECOVER.soft_time_limit,
    hard_time_limit=RECOVER.hard_time_limit,
    retry=Retry(on=(SQLAlchemyError, OSError, TimeoutError), stop_after_attempt=ATTEMPTS),
    listed=False,
)
def recover(
    context: TaskContext, *, endpoint_id: str, since: datetime, until: datetime, event_types: list[str] | None = None
) -> dict[str, int]:
    """Reopen what was given up or cancelled because the endpoint was disabled, in its old order."""
    names = event_types or []
    with Recovery(context) as recovery:
        stretch = Stretch(
            context.task_id,
            ids.decode(ids.ENDPOINT, endpoint_id),
            since,
            until,
            event_types=[name for name in names if not name.endswith(".*")],
            prefixes=[name.removesuffix("*") for name in names if name.endswith(".*")],
            ceiling=context.once("ceiling", recovery.last_place),
        )
        return {"reopened": recovery.run(stretch)}


class Recovery:
    """One run's connection to Postgres."""

    def __init__(self, context: TaskContext) -> None:
        self._context: Final = context
        self._database: Final = Database(require(context.settings.database_url, "DATABASE_URL"), size=1, direct=0)
        self._runner: Final = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._database.close())
        self._runner.close()

    def last_place(self) -> int:
        """Return the last place in the order, as of now."""
        return self._wait(self._last_place())

    def run(self, stretch: Stretch) -> int:
        """Reopen all that was missed; return how many deliveries this and earlier runs have reopened."""
        total = self._context.once("total", lambda: self._wait(self._count(stretch)))
        reopened, after = self._before(), 0
        while True:
            self._context.stop_if_cancelled()
            self._context.progress(reopened, total, "reopened")
            batch = self._wait(self._reopen(stretch, after))
            reopened += batch.count
            if batch.last is None:
                return reopened
            after = batch.last

    def _before(self) -> int:
        return self._context.once(recovery_queries.REOPENED, lambda: 0)

    def _wait(self, work: Coroutine[None, None, T]) -> T:
        with SOFT_LIMIT.held_back():
            return self._runner.run(work)

    async def _last_place(self) -> int:
        async with self._database.engine() as tx:
            return await recovery_queries.last_place(tx)

    async def _count(self, stretch: Stretch) -> int:
        async with self._database.engine() as tx:
            return await recovery_queries.count_missed(tx, stretch=stretch)

    async def _reopen(self, stretch: Stretch, after: int) -> Batch:
        async with self._database.engine() as tx:
            await hold_past(tx)
            target = await recovery_queries.lock_endpoint(tx, task_id=stretch.task_id, endpoint_id=stretch.endpoint_id)
            if target is None or target.deleted or target.disabled:
                raise TaskError("endpoint_disabled", "Endpoint disabled", "The endpoint was disabled or deleted.")
            batch = await recovery_queries.reopen_missed(tx, stretch=stretch, after=after, limit=BATCH)
            if not await recovery_queries.note_reopened(
                tx, task_id=stretch.task_id, run=self._context.run, count=batch.count
            ):
                raise CancelledTaskError
            return batch
