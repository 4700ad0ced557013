"""The one wrapper that runs every task.

```
message ─► start (counts the run, takes the lease) ─► function ─► result to Redis ─► end + event + deliveries ─► ack
              └── no row: nothing to do                  └── a failure to retry ─► due again later, a row in Postgres
```
The end is one transaction, and Celery hears of it only after the commit; it counts only for the run that still holds
the task.
"""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from pydantic import ValidationError
from redis.exceptions import RedisError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from core.database import Database, is_away
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model.endings import CANCELLED, TaskAgain, TaskEnd
from core.model.states import TaskStatus
from core.model.tables import STORED_RESULT_LIMIT
from core.progress import CHANNEL, Progress, ProgressBoard
from core.results import RESULT_LIMIT, Results
from workers.ending import end_started
from workers.queries import start_run, start_untold
from workers.task_types.context import CancelledTaskError, TaskContext, TaskError
from workers.task_types.define import Definition

END_PATIENCE: Final = 60
"""Seconds that a finished task waits for Postgres to come back, before the run is given up and repeated."""

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Runs:
    """What it takes to run tasks in one process."""

    database: Database
    results: Results
    board: ProgressBoard
    teller: Teller
    leased_by: str
    lease: int

    async def start(self, task_id: UUID) -> TaskRecord | None:
        """Take the task, if it waits and is due, and tell that it has started.

        Mostly nobody wants to hear of that: then it is one statement.
        """
        async with self.database.statement() as tx:
            task = await start_untold(tx, task_id=task_id, leased_by=self.leased_by, lease=self.lease)
        if task is None:
            task = await self._start_and_tell(task_id)
        if task is not None:
            await self.board.changed(task.id)
        return task

    async def _start_and_tell(self, task_id: UUID) -> TaskRecord | None:
        publish = self.teller.publisher.ready
        async with self.database.engine() as tx:
            task = await start_run(tx, task_id=task_id, leased_by=self.leased_by, lease=self.lease)
            if task is None:
                return None
            queued = await self.teller.tell(tx, task, publish=publish)
        if publish:
            self.teller.publisher.deliveries(queued)
        return task

    async def end(self, task: TaskRecord, end: TaskEnd | TaskAgain) -> TaskRecord | None:
        """Keep the result and record how the run ended; `None` if the task is another run's by now.

        A result that stands in the record too goes to Redis after the commit, with the word that the task has ended.
        """
        result = end.result if isinstance(end, TaskEnd) else None
        if result is not None and len(result) > STORED_RESULT_LIMIT:
            await self._keep(task, result)
            result = None
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, Exception) and is_away(error)),
            wait=wait_exponential_jitter(multiplier=0.1, max=2, jitter=0.2),
            stop=stop_after_delay(END_PATIENCE),
            reraise=True,
        )
        ended: TaskRecord | None = await retrying(end_started, self.database, self.teller, started=task, end=end)
        if result is None or ended is None or ended.result is None:  # the last: its payload was erased meanwhile
            await self.board.changed(task.id)
        else:
            await self.results.put_and_tell(task.id, task.run, result, channel=CHANNEL)
        return ended

    async def _keep(self, task: TaskRecord, result: bytes) -> None:
        try:
            await self.results.put(task.id, task.run, result)
        except RedisError as error:
            # A small result stands in the record; of a large one, the end must be told all the same.
            _log.warning("result.not_kept", task_id=str(task.id), error=type(error).__name__)


def call(definition: Definition, task: TaskRecord, context: TaskContext) -> TaskEnd | TaskAgain:
    """Run the function and say how it ended; raises nothing that the function did."""
    try:
        values = definition.input_model.model_validate_json(task.input or b"{}")
    except ValidationError:
        return _failed("invalid_input", "Invalid input", "The input does not fit this version of the task type.")
    try:
        found = definition.function(context, **{name: getattr(values, name) for name in type(values).model_fields})
        return _succeeded(definition.output.dump_json(found))
    except CancelledTaskError:
        return CANCELLED
    except SoftTimeLimitExceeded:
        return _failed("time_limit", "Time limit", f"It ran longer than {definition.kind.soft_time_limit} seconds.")
    except Exception as error:  # noqa: BLE001 - whatever a task raises ends the run, and only the run
        delay = definition.retry.delay(error, task.attempt)
        return _final(error, task) if delay is None else TaskAgain(delay)


def with_progress(end: TaskEnd | TaskAgain, progress: Progress | None) -> TaskEnd | TaskAgain:
    """Let the last progress stay with the task."""
    return end if progress is None else replace(end, progress=progress.document())


def _final(error: Exception, task: TaskRecord) -> TaskEnd:
    if isinstance(error, TaskError):
        return _failed(error.code, error.title, error.detail)
    _log.error("task.raised", task_id=str(task.id), type=task.type, exc_info=error)
    return _failed("task_error", "The task failed", "It raised an error that it does not explain.")


def _succeeded(result: bytes) -> TaskEnd:
    if len(result) > RESULT_LIMIT:
        return _failed("result_too_large", "Result too large", f"It is larger than {RESULT_LIMIT} bytes.")
    return TaskEnd(TaskStatus.SUCCESS, result)


def _failed(code: str, title: str, detail: str) -> TaskEnd:
    return TaskEnd(TaskStatus.FAILURE, None, _storable(code), _storable(title), _storable(detail))


def _storable(text: str) -> str:
    """Replace what a Postgres text cannot hold: a task that ended so would never be recorded as ended."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
