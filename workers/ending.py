"""The end of a run: its task's next state, its event and its deliveries, in one transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar
from uuid import UUID

import structlog

from core import clock
from core.database import Database, is_away
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model import ids
from core.model.endings import CANCELLED, LOST, MAX_LOST, TaskAgain, TaskEnd
from core.model.ids import TaskId
from core.model.tables import STORED_RESULT_LIMIT
from core.progress import Progress, ProgressBoard
from core.registry.task_types import OWN
from workers import queries
from workers.end_queries import end_and_tell
from workers.loop import POISON, first_line, one_by_one
from workers.queries import LostRun

E = TypeVar("E", bound=TaskEnd | TaskAgain)
PATIENCE: Final = 1.0
"""Seconds that Redis may take to say how far runs were that are over."""

_log: Final = structlog.stdlib.get_logger()


async def end_started(
    database: Database, teller: Teller, *, started: TaskRecord, end: TaskEnd | TaskAgain
) -> TaskRecord | None:
    """Do as `end_task`, mostly in one statement, for a run whose start returned `started`."""
    if isinstance(end, TaskAgain) or end.progress is not None or started.type in OWN:
        return await end_task(database, teller, task_id=started.id, run=started.run, end=end)
    publish = teller.publisher.ready
    task = _ended(started, end, database)
    line = await teller.judge.line(teller.event_of(task))
    async with database.statement() as tx:
        queued = await end_and_tell(tx, task=task, line=line, publish=publish)
    if queued is None:
        return await end_task(database, teller, task_id=started.id, run=started.run, end=end)
    if publish:
        teller.publisher.deliveries(queued)
    return task


def _ended(started: TaskRecord, end: TaskEnd, database: Database) -> TaskRecord:
    now = clock.at(database.unix_seconds())  # the database's own time, to the milliseconds that are told
    size = None if end.result is None else len(end.result)
    return replace(
        started,
        status=end.status.value,
        result=end.result if size is not None and size <= STORED_RESULT_LIMIT else None,
        result_size=size,
        error_code=end.error_code,
        error_title=end.error_title,
        error_detail=end.error_detail,
        finished_at=max(now, started.started_at or now),
    )


async def end_task(
    database: Database, teller: Teller, *, task_id: TaskId, run: int, end: TaskEnd | TaskAgain
) -> TaskRecord | None:
    """End a run, if it still holds its task; return once the state and the duty to tell are committed.

    A run that asks to be tried again although its task's end was asked for ends the task.
    """
    publish = teller.publisher.ready
    async with database.engine() as tx:
        task: TaskRecord | None = None
        if isinstance(end, TaskAgain):
            task = await queries.run_later(tx, task_id=task_id, run=run, again=end)
        if task is None:
            last = CANCELLED if isinstance(end, TaskAgain) else end
            task = await queries.end_run(tx, task_id=task_id, run=run, end=last)
        if task is None:
            return None
        queued = await teller.tell(tx, task, publish=publish)
    if publish:
        teller.publisher.deliveries(queued)
    return task


async def end_lost_tasks(database: Database, teller: Teller, *, limit: int, board: ProgressBoard | None = None) -> int:
    """Make tasks due again whose lease has run out, or end those that were cancelled or lost too often.

    What a run has shown on the `board` stays with its task: one that is due again may end before its next run. Where
    one of them cannot be written each is ended by itself, without what it has shown.
    """
    try:
        return await _end_lost(database, teller, limit=limit, board=board)
    except POISON as error:
        if is_away(error):
            raise
        _log.warning("lost.failed", error=type(error).__name__, detail=first_line(error))
    async with database.engine() as tx:
        lost = await queries.take_lost(tx, limit=limit)
    return await one_by_one(
        "lost.stuck", [one.id for one in lost], lambda row: _end_lost(database, teller, limit=1, only=row)
    )


async def _end_lost(
    database: Database,
    teller: Teller,
    *,
    limit: int,
    board: ProgressBoard | None = None,
    only: UUID | None = None,
) -> int:
    publish = teller.publisher.ready
    changed: list[TaskRecord] = []
    async with database.engine() as tx:
        lost: Sequence[LostRun] = await queries.take_lost(tx, limit=limit, only=only)
        shown = await _shown(board, lost)
        for one in lost:
            end, progress = _end_of(one), shown.get(one.id)
            if end is None:
                document = None if progress is None else progress.document()
                task = await queries.run_again(tx, task_id=one.id, lost=not one.idle, progress=document)
            else:
                task = await queries.end_run(tx, task_id=one.id, run=one.run, end=with_progress(end, progress))
            if task is not None:
                changed.append(task)
        queued = await teller.tell_all(tx, changed, publish=publish)
    if publish:
        teller.publisher.deliveries(queued)
    for one in lost:
        _log.warning("task.lost", task_id=ids.encode(ids.TASK, one.id), run=one.run)
    return len(lost)


async def _shown(board: ProgressBoard | None, runs: Sequence[LostRun]) -> Mapping[TaskId, Progress | None]:
    """Return how far runs were, where that can still be told."""
    if board is None or not runs:
        return {}
    try:
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.gather(*(board.get(one.id, one.run) for one in runs))
    except TimeoutError:
        return {}
    return {one.id: progress for one, progress in zip(runs, found, strict=True)}


def with_progress(end: E, progress: Progress | None) -> E:
    """Let the last progress stay with the task."""
    return end if progress is None else replace(end, progress=progress.document())


async def end_expired_tasks(database: Database, teller: Teller, *, limit: int) -> int:
    """End tasks that waited longer than they were allowed to, and tell of it.

    Where one of them cannot be written, or told of, each is ended by itself.
    """
    try:
        return await _end_expired(database, teller, limit=limit)
    except POISON as error:
        if is_away(error):
            raise
        _log.warning("expired.failed", error=type(error).__name__, detail=first_line(error))
    async with database.engine() as tx:
        expired = await queries.find_expired(tx, limit=limit)
    return await one_by_one("expired.stuck", expired, lambda row: _end_expired(database, teller, limit=1, only=row))


async def _end_expired(database: Database, teller: Teller, *, limit: int, only: UUID | None = None) -> int:
    publish = teller.publisher.ready
    async with database.engine() as tx:
        expired = await queries.take_expired(tx, limit=limit, only=only)
        queued = await teller.tell_all(tx, expired, publish=publish)
    if publish:
        teller.publisher.deliveries(queued)
    return len(expired)


def _end_of(lost: LostRun) -> TaskEnd | None:
    if lost.cancel_asked:
        return CANCELLED
    if lost.idle:  # its parts or their join wait behind others': nothing has died
        return None
    return LOST if lost.lost_count + 1 >= MAX_LOST else None
