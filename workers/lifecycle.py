"""The one wrapper that runs every task.

```
message ─► start (counts the run, takes the lease) ─► function ─► result to Redis ─► end + event + deliveries ─► ack
              └── no row: nothing to do                  └── a failure to retry ─► due again later, a row in Postgres
```
The end is one transaction, and Celery hears of it only after the commit; it counts only for the run that still holds
the task.
"""

import math
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from core.database import Database, is_away
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model.endings import CANCELLED, TaskAgain, TaskEnd, TaskMisfit
from core.model.ids import TaskId
from core.model.json_value import JsonValue, storable
from core.model.parts import Slice, TaskInParts
from core.model.states import TaskStatus
from core.model.tables import STORED_RESULT_LIMIT
from core.progress import CHANNEL, ProgressBoard
from core.registry.task_types import TaskType
from core.results import RESULT_LIMIT, Results
from workers.ending import end_started, end_task
from workers.part_queries import hand_over, push_join, push_part, rest_part
from workers.queries import has_result
from workers.soft_limit import SOFT_LIMIT
from workers.start_queries import hold_starts, leave_crowded, leave_waiting, start_in_turn, start_run, start_untold
from workers.task_types.context import CancelledTaskError, InPartsError, TaskContext, TaskError
from workers.task_types.define import Definition
from workers.task_types.retry import WaitFailedError
from workers.versions import leave_to_others

END_PATIENCE: Final = 60
"""Seconds that a finished task waits for Postgres to come back, before the run is given up and repeated."""
PATIENTLY: Final = AsyncRetrying(
    retry=retry_if_exception(lambda error: isinstance(error, Exception) and is_away(error)),
    wait=wait_exponential_jitter(multiplier=0.1, max=2, jitter=0.2),
    stop=stop_after_delay(END_PATIENCE),
    reraise=True,
)

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

        Mostly nobody wants to hear of that, and the tenant may run any number: then it is one statement. A task that
        may not run yet, because as many of its tenant's do as may, stays as it is and waits for the feeder. Those who
        watch it see the start when they look, once a second: a word to each of them would cost a round trip a task.
        """
        async with self.database.statement() as tx:
            task = await start_untold(tx, task_id=task_id, leased_by=self.leased_by, lease=self.lease)
        return task or await self._start_and_tell(task_id)

    async def is_held_up(self, task_id: UUID) -> bool:
        """Tell whether parts of the same tenant and type fill their queue: the task waits for the feeder then."""
        async with self.database.engine() as tx:
            return await leave_crowded(tx, task_id=task_id)

    async def _start_and_tell(self, task_id: UUID) -> TaskRecord | None:
        publish = self.teller.publisher.ready
        async with self.database.engine() as tx:
            task = await start_run(tx, task_id=task_id, leased_by=self.leased_by, lease=self.lease)
            if task is None:
                task = await self._start_in_turn(tx, task_id)
            if task is None:
                return None
            queued = await self.teller.tell(tx, task, publish=publish)
        if publish:
            self.teller.publisher.deliveries(queued)
        return task

    async def _start_in_turn(self, tx: AsyncConnection, task_id: UUID) -> TaskRecord | None:
        if not await hold_starts(tx, task_id=task_id):
            return None
        task = await start_in_turn(tx, task_id=task_id, leased_by=self.leased_by, lease=self.lease)
        if task is None:
            await leave_waiting(tx, task_id=task_id)
        return task

    async def hand_over(self, task: TaskRecord, parts: TaskInParts, *, seconds: int) -> bool:
        """Let a run go on in parts, the first of which has to start within so many seconds; false if it is to end."""
        async with self.database.engine() as tx:
            return await hand_over(
                tx,
                task_id=task.id,
                run=task.run,
                parts=len(parts.slices),
                seconds=seconds,
                content=parts.content,
            )

    async def push(self, task_id: UUID, run: int, part: Slice, *, seconds: int) -> bytes | None:
        """Push the lease for a part that starts, and return its slice; `None` if its run is over."""
        async with self.database.engine() as tx:
            return await push_part(tx, task_id=task_id, run=run, part=part, seconds=seconds)

    async def push_join(self, task_id: UUID, run: int, *, seconds: int) -> bool:
        """Push the lease for a join that starts; false if its run is over."""
        async with self.database.engine() as tx:
            return await push_join(tx, task_id=task_id, run=run, seconds=seconds)

    async def rest(self, task_id: UUID, run: int, *, seconds: int) -> None:
        """Say that a part is done, and how long the next may wait; unsaid, a lease that runs out counts as lost."""
        try:
            async with self.database.engine() as tx:
                await rest_part(tx, task_id=task_id, run=run, seconds=seconds)
        except Exception as error:
            if not is_away(error):
                raise
            _log.warning("part.not_rested", task_id=str(task_id), error=type(error).__name__)

    async def end(
        self, task_id: TaskId, run: int, end: TaskEnd | TaskAgain, *, started: TaskRecord | None = None
    ) -> TaskRecord | None:
        """Keep the result and record how the run ended; `None` if the task is another run's by now.

        With what its start returned the end is mostly one statement. A result that stands in the record too goes to
        Redis after the commit, with the word that the task has ended.
        """
        result = end.result if isinstance(end, TaskEnd) else None
        large = result is not None and len(result) > STORED_RESULT_LIMIT
        if result is not None and large:
            await self._keep(task_id, run, result)
            result = None
        ended: TaskRecord | None = await PATIENTLY(self._record, task_id, run, end, started)
        if large and not await self._stands(task_id, run, ended):
            await self._drop(task_id, run)
        if result is None or ended is None or ended.result is None:  # the last: its payload was erased meanwhile
            await self.board.changed(task_id)
        else:
            await self.results.put_and_tell(task_id, run, result, channel=CHANNEL)
        return ended

    async def leave_to_others(self, own: TaskType, task: TaskRecord, misfit: TaskMisfit) -> TaskEnd | None:
        """Give a run back to a worker whose version takes the input; `None` then, or how it ends if there is none."""
        end: TaskEnd | None = await PATIENTLY(
            leave_to_others, self.database, own=own, task=task, misfit=misfit, leased_by=self.leased_by
        )
        if end is None:
            await self.board.changed(task.id)
        return end

    async def _record(
        self, task_id: TaskId, run: int, end: TaskEnd | TaskAgain, started: TaskRecord | None
    ) -> TaskRecord | None:
        if started is not None:
            return await end_started(self.database, self.teller, started=started, end=end)
        return await end_task(self.database, self.teller, task_id=task_id, run=run, end=end)

    async def _keep(self, task_id: TaskId, run: int, result: bytes) -> None:
        try:
            await self.results.put(task_id, run, result)
        except RedisError as error:
            # A small result stands in the record; of a large one, the end must be told all the same.
            _log.warning("result.not_kept", task_id=str(task_id), error=type(error).__name__)

    async def _stands(self, task_id: TaskId, run: int, ended: TaskRecord | None) -> bool:
        """Tell whether the record says that there is a result; so long as that cannot be asked, it does.

        A run that is not there to be ended may have been ended before: by this call whose answer was lost, or by
        the same join that was delivered twice.
        """
        if ended is not None:
            return ended.result_size is not None
        try:
            async with self.database.engine() as tx:
                return await has_result(tx, task_id=task_id, run=run)
        except (SQLAlchemyError, OSError):
            return True

    async def _drop(self, task_id: TaskId, run: int) -> None:
        try:
            await self.results.erase(task_id, run)
        except RedisError as error:  # nobody is shown it: the record says nothing of a result
            _log.warning("result.not_dropped", task_id=str(task_id), error=type(error).__name__)


def call(
    definition: Definition, task: TaskRecord, context: TaskContext
) -> TaskEnd | TaskAgain | TaskInParts | TaskMisfit:
    """Run the function and say how it ended; raises nothing that the function did."""
    try:
        values = definition.input_model.model_validate_json(task.input or b"{}")
    except ValidationError:
        detail = "The input does not fit this version of the task type."
        return TaskMisfit(_failed("invalid_input", "Invalid input", detail))
    try:
        with SOFT_LIMIT.told():
            found = definition.function(context, **{name: getattr(values, name) for name in type(values).model_fields})
        return _succeeded(definition, found)
    except CancelledTaskError:
        return CANCELLED
    except InPartsError as error:
        return error.parts
    except Exception as error:  # noqa: BLE001 - whatever a task raises ends the run, and only the run
        return _again(definition, error, task.attempt) or failure(definition, error)


def join(definition: Definition, values: Sequence[JsonValue]) -> TaskEnd:
    """Make the end of a task of what its parts gave back."""
    assert definition.parts is not None
    try:
        with SOFT_LIMIT.told():
            found = definition.parts.join(values)
        return _succeeded(definition, found)
    except Exception as error:  # noqa: BLE001 - as in `call`
        return failure(definition, error)


def failure(definition: Definition, error: Exception) -> TaskEnd:
    """Return the end of a task that raised this; only a `TaskError` is told in its own words."""
    if isinstance(error, SoftTimeLimitExceeded):
        return _failed("time_limit", "Time limit", f"It ran longer than {definition.kind.soft_time_limit} seconds.")
    if isinstance(error, TaskError):
        return _failed(error.code, error.title, error.detail)
    _log_raised("task.raised", definition, error)
    return _failed("task_error", "The task failed", "It raised an error that it does not explain.")


def killed(definition: Definition, attempt: int) -> tuple[TaskAgain | None, TaskEnd]:
    """Return what follows a kill at the hard time limit: another attempt if the soft one has it, and else the end."""
    again = _again(definition, SoftTimeLimitExceeded(), attempt)
    detail = f"It ran longer than {definition.kind.hard_time_limit} seconds, and was killed."
    end = again if isinstance(again, TaskEnd) else _failed("time_limit", "Time limit", detail)
    return (again if isinstance(again, TaskAgain) else None), end


def _again(definition: Definition, error: Exception, attempt: int) -> TaskAgain | TaskEnd | None:
    """Return the wait for another attempt, or `None` if there is none; an end, if the policy's wait does not say."""
    try:
        delay = definition.retry.delay(error, attempt)
    except WaitFailedError as failed:
        _log_raised("task.wait_failed", definition, failed.__cause__ or failed)
        detail = "It failed, and the wait of its retry policy does not say when to try again."
        return _failed("retry_policy", "Retry policy", detail)
    return None if delay is None else TaskAgain(delay)


def _log_raised(event: str, definition: Definition, error: BaseException) -> None:
    # Where it was raised, never what it says: an exception's text may quote the input.
    frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error(event, type=definition.kind.name, error=type(error).__name__, frames=frames)


def is_json(value: object) -> bool:
    """Tell whether every number in a value is finite: pydantic writes the others as null."""
    if isinstance(value, float):
        return math.isfinite(value)
    parts: Iterable[object] = ()
    if isinstance(value, dict):
        parts = cast("dict[object, object]", value).values()
    if isinstance(value, list):
        parts = cast("list[object]", value)
    return all(is_json(part) for part in parts)


def _succeeded(definition: Definition, value: object) -> TaskEnd:
    if not is_json(definition.output.dump_python(value, mode="json")):
        return _failed("invalid_result", "Invalid result", "It holds a number that JSON cannot say.")
    result = definition.output.dump_json(value)
    if len(result) > RESULT_LIMIT:
        return _failed("result_too_large", "Result too large", f"It is larger than {RESULT_LIMIT} bytes.")
    return TaskEnd(TaskStatus.SUCCESS, result)


def _failed(code: str, title: str, detail: str) -> TaskEnd:
    return TaskEnd(TaskStatus.FAILURE, None, storable(code), storable(title), storable(detail))
