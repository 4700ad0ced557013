"""A worker child's own event loop and connections: Celery's functions are synchronous, everything below is not."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Final, TypeVar, cast
from uuid import UUID

import structlog
import uvloop

from core import clock, fail_points
from core.database import Database, is_away
from core.dispatch.celery import make_celery
from core.dispatch.parts import PartsNotSentError, publish_parts
from core.dispatch.publish import Publisher
from core.dispatch.spacing import Spacing
from core.intake import task_queries
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model import ids
from core.model.endings import CANCELLED, TaskAgain, TaskEnd, TaskMisfit
from core.model.ids import TaskId
from core.model.json_value import JsonValue
from core.model.parts import Slice, TaskInParts
from core.model.trace_context import trace_id
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from core.results import Results
from core.settings import Settings, require
from workers import queries
from workers.ending import with_progress
from workers.lifecycle import PATIENTLY, Runs, call, failure, join
from workers.soft_limit import SOFT_LIMIT
from workers.task_types.context import CancelledTaskError, TaskContext
from workers.task_types.define import Definition

T = TypeVar("T")
CLOCK_AGE: Final = 10.0
CANCEL_AGE: Final = 0.2
PARTS_PAUSE: Final = 1.0
POOL: Final = 1  # a child runs one task at a time
HINTS_APART: Final = 0.025
HINTS_AT_MOST_APART: Final = 0.1
"""Seconds between two messages that name what is due: a child that ends a task every few milliseconds bundles them."""
HINTS_MANY: Final = 8
"""Names that are enough for a message to go later."""

_log: Final = structlog.stdlib.get_logger()


class Runtime:
    """What one worker child needs; made after the fork."""

    def __init__(self, settings: Settings, *, leased_by: str) -> None:
        self._settings: Final = settings
        self._runner: Final = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._database: Final = Database(require(settings.database_url, "DATABASE_URL"), size=POOL)
        self._app: Final = make_celery(settings)
        self._publisher: Final = Publisher(
            require(settings.broker_url, "BROKER_URL"),
            self._app,
            spacing=Spacing(HINTS_APART, HINTS_AT_MOST_APART, many=HINTS_MANY),
        )
        self._redis: Final = open_redis(require(settings.redis_url, "REDIS_URL"))
        self._board: Final = ProgressBoard(self._redis, ttl=settings.result_ttl)
        self._runs: Final = Runs(
            self._database,
            Results(self._redis, ttl=settings.result_ttl),
            self._board,
            Teller(self._database, self._publisher, settings.base_url),
            leased_by,
            settings.lease,
        )
        self._clock_read_at = -CLOCK_AGE
        self._publisher.start()

    def run(self, definition: Definition, task_id: UUID) -> bool:
        """Run a task from its start to its recorded end; false if there was nothing to do."""
        SOFT_LIMIT.listen()
        task = self._wait(self._start(definition, task_id))
        if task is None:
            _log.info("task.nothing_to_do", task_id=ids.encode(ids.TASK, task_id))
            return False
        if fail_points.reached is not None:
            fail_points.reached("task.started")
        desk = TaskDesk(self._runner, self._database, self._board, task)
        context = TaskContext(task.id, task.run, desk, self._settings, traceparent=task.trace)
        end = call(definition, task, context)
        if isinstance(end, TaskInParts):
            end = self._hand_over(definition, task, end)
        if isinstance(end, TaskMisfit):
            end = self._leave(definition, task, end)
        if end is None:
            return True
        if fail_points.reached is not None:
            fail_points.reached("task.worked")
        end = with_progress(end, desk.last)
        ended = self._wait(self._runs.end(task.id, task.run, end, started=task))
        _log.info("task", **_wide(task, end, ended))
        return ended is not None

    def run_part(self, definition: Definition, task_id: UUID, run: int, part: Slice) -> JsonValue:
        """Run one part of a task; `None` if there was nothing to do or the part has failed, and the task with it."""
        assert definition.parts is not None
        SOFT_LIMIT.listen()
        content = self._wait(self._runs.push(task_id, run, part, seconds=self._part_lease(definition)))
        if content is None:
            _log.info("part.nothing_to_do", task_id=ids.encode(ids.TASK, task_id), run=run)
            return None
        try:
            with SOFT_LIMIT.told():
                found = definition.parts.each(content)
        except Exception as error:  # noqa: BLE001 - whatever a part raises ends its task, and only that
            self._wait(self._runs.end(TaskId(task_id), run, failure(definition, error)))
            return None
        self._wait(self._runs.rest(task_id, run, seconds=_patience(definition, run)))
        return found

    def run_join(self, definition: Definition, values: Sequence[JsonValue], task_id: UUID, run: int) -> bool:
        """End a task of parts; false if a part did nothing, because the run was over."""
        SOFT_LIMIT.listen()
        if None in values:
            return False
        if not self._wait(self._runs.push_join(task_id, run, seconds=self._part_lease(definition))):
            _log.info("join.nothing_to_do", task_id=ids.encode(ids.TASK, task_id), run=run)
            return False
        end = with_progress(join(definition, values), self._wait(self._board.get(TaskId(task_id), run)))
        ended = self._wait(self._runs.end(TaskId(task_id), run, end))
        _log.info("task.joined", task_id=ids.encode(ids.TASK, task_id), run=run, recorded=ended is not None)
        return ended is not None

    def _hand_over(self, definition: Definition, task: TaskRecord, parts: TaskInParts) -> TaskEnd | TaskAgain | None:
        if not self._wait(self._runs.hand_over(task, parts, seconds=_patience(definition, task.run))):
            return CANCELLED
        try:
            publish_parts(self._app, task.type, task.id, task.run, parts.slices)
        except PartsNotSentError as error:
            _log.warning(
                "task.parts_not_sent", task_id=ids.encode(ids.TASK, task.id), error=repr(error.__cause__)[:300]
            )
            return TaskAgain(PARTS_PAUSE)
        _log.info("task.in_parts", task_id=ids.encode(ids.TASK, task.id), run=task.run, parts=len(parts.slices))
        return None

    def _part_lease(self, definition: Definition) -> int:
        # Longer than the part may run, so that one that is killed at its limit still holds its task when it is ended.
        return definition.kind.hard_time_limit + self._settings.lease

    def _leave(self, definition: Definition, task: TaskRecord, misfit: TaskMisfit) -> TaskEnd | None:
        end = self._wait(self._runs.leave_to_others(definition.kind, task, misfit))
        if end is None:
            _log.info("task.left_to_others", task_id=ids.encode(ids.TASK, task.id), type=task.type, run=task.run)
        return end

    def close(self) -> None:
        """Close every connection."""
        self._publisher.stop()
        self._wait(self._close())
        self._runner.close()

    def _wait(self, work: Coroutine[None, None, T]) -> T:
        # Not `Runner.run`, which sets and restores a signal handler and a context each time.
        return self._runner.get_loop().run_until_complete(work)

    async def _start(self, definition: Definition, task_id: UUID) -> TaskRecord | None:
        if clock.monotonic() - self._clock_read_at > CLOCK_AGE:
            await self._database.ping()
            self._clock_read_at = clock.monotonic()
        if definition.parts is not None and await self._runs.is_held_up(task_id):
            return None
        return await self._runs.start(task_id)

    async def _close(self) -> None:
        await self._database.close()
        await self._redis.aclose()


class TaskDesk:
    """Where one running task's words go; see `Desk`.

    A Postgres that is away for a while ends no task: what has to be known is waited for, what need not be is let go.
    """

    def __init__(self, runner: asyncio.Runner, database: Database, board: ProgressBoard, task: TaskRecord) -> None:
        self._runner: Final = runner
        self._database: Final = database
        self._board: Final = board
        self._task: Final = task
        self._asked_at = -CANCEL_AGE
        self._asked = False
        self._shown = False
        self.last: Progress | None = None

    def show(self, progress: Progress) -> None:
        """See `Desk.show`."""
        self.last = progress
        self._wait(self._show(progress))

    def cancel_was_asked(self) -> bool:
        """See `Desk.cancel_was_asked`; Postgres is asked five times a second at most."""
        now = clock.monotonic()
        if not self._asked and now - self._asked_at >= CANCEL_AGE:
            self._asked_at = now
            self._asked = self._wait(self._ask())
        return self._asked

    def marker(self, name: str) -> bytes | None:
        """See `Desk.marker`."""
        return self._wait(cast("Coroutine[None, None, bytes | None]", PATIENTLY(self._marker, name)))

    def read_content(self) -> bytes | None:
        """See `Desk.read_content`."""
        return self._wait(cast("Coroutine[None, None, bytes | None]", PATIENTLY(self._read_content)))

    def mark(self, name: str, value: bytes) -> None:
        """See `Desk.mark`."""
        if not self._wait(cast("Coroutine[None, None, bool]", PATIENTLY(self._mark, name, value))):
            raise CancelledTaskError

    def _wait(self, work: Coroutine[None, None, T]) -> T:
        with SOFT_LIMIT.held_back():
            return self._runner.run(work)

    async def _show(self, progress: Progress) -> None:
        """Show how far the run is, the first time before its state says so: nobody sees the state without it."""
        await self._board.put(self._task.id, self._task.run, progress)
        if self._shown:
            return
        try:
            async with self._database.engine() as tx:
                await queries.show_progress(tx, task_id=self._task.id, run=self._task.run)
        except Exception as error:
            if not is_away(error):
                raise
            return  # its state says so the next time
        self._shown = True
        await self._board.changed(self._task.id)

    async def _ask(self) -> bool:
        try:
            async with self._database.engine() as tx:
                return await queries.cancel_was_asked(tx, task_id=self._task.id, run=self._task.run)
        except Exception as error:
            if not is_away(error):
                raise
            return False  # nobody can have asked since it is away

    async def _marker(self, name: str) -> bytes | None:
        async with self._database.engine() as tx:
            return await queries.read_marker(tx, task_id=self._task.id, name=name)

    async def _read_content(self) -> bytes | None:
        async with self._database.engine() as tx:
            return await task_queries.read_content(tx, task_id=self._task.id)

    async def _mark(self, name: str, value: bytes) -> bool:
        async with self._database.engine() as tx:
            return await queries.write_marker(tx, task_id=self._task.id, run=self._task.run, name=name, value=value)


def _patience(definition: Definition, run: int) -> int:
    """Return the seconds that a run's next part has to start in: behind a long queue the first run's may be too few."""
    return definition.kind.hard_time_limit * run


def _wide(task: TaskRecord, end: TaskEnd | TaskAgain, ended: TaskRecord | None) -> dict[str, object]:
    return {
        "task_id": ids.encode(ids.TASK, task.id),
        "type": task.type,
        "run": task.run,
        "trace_id": None if task.trace is None else trace_id(task.trace),
        "status": end.status.value if isinstance(end, TaskEnd) else "RETRY",
        "error": end.error_code if isinstance(end, TaskEnd) else None,
        "recorded": ended is not None,
    }
