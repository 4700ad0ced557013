"""The end of a task: its last state, its event and its deliveries, in one transaction."""

from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.dispatch.publish import Publisher
from core.intake.accept import NewEvent
from core.intake.queries import accept_events
from core.journal.tasks import TaskRecord, event_data
from core.model import ids
from core.model.ids import EventId, TaskId
from core.model.queued import Queued
from core.model.states import TaskStatus
from workers import queries
from workers.queries import TaskEnd

MAX_LOST: Final = 3
"""Runs that may die with their worker before the task is given up."""
EVENTS: Final = {
    TaskStatus.SUCCESS: "task.succeeded",
    TaskStatus.FAILURE: "task.failed",
    TaskStatus.REVOKED: "task.revoked",
}
LOST: Final = TaskEnd(
    TaskStatus.FAILURE,
    error_code="worker_lost",
    error_title="The worker was lost",
    error_detail=f"The process that ran the task died {MAX_LOST} times.",
)

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Ending:
    """What it takes to end tasks: where to publish, and what to put in front of links."""

    publisher: Publisher
    base_url: str


async def end_task(database: Database, ending: Ending, *, task_id: TaskId, run: int, end: TaskEnd) -> bool:
    """End a task, if this run still holds it; return once the end and the duty to tell are committed."""
    publish = ending.publisher.ready
    async with database.engine() as tx:
        task = await queries.end_run(tx, task_id=task_id, run=run, end=end)
        if task is None:
            return False
        queued = await tell(tx, database, ending, task=task, publish=publish)
    if publish:
        ending.publisher.deliveries(queued)
    return True


async def tell(
    tx: AsyncConnection, database: Database, ending: Ending, *, task: TaskRecord, publish: bool
) -> tuple[Queued, ...]:
    """Record the event of a task's end, and who is to hear of it."""
    event = NewEvent(
        id=EventId(ids.new_uuid7(database.unix_seconds())),
        tenant_id=task.tenant_id,
        type=EVENTS[TaskStatus(task.status)],
        timestamp=task.finished_at or task.created_at,
        data=event_data(task, base=ending.base_url),
        task_id=task.id,
        webhook_url=task.webhook_url,
    )
    return await accept_events(tx, events=[event], publish=publish)


async def end_lost_tasks(database: Database, ending: Ending, *, limit: int) -> int:
    """Make tasks due again whose lease has run out, or end those that were lost too often."""
    publish = ending.publisher.ready
    queued: list[Queued] = []
    async with database.engine() as tx:
        lost = await queries.take_lost(tx, limit=limit)
        for one in lost:
            if one.lost_count + 1 < MAX_LOST:
                await queries.run_again(tx, task_id=one.id)
                continue
            task = await queries.end_run(tx, task_id=one.id, run=one.run, end=LOST)
            if task is not None:
                queued += await tell(tx, database, ending, task=task, publish=publish)
    if publish:
        ending.publisher.deliveries(queued)
    for one in lost:
        _log.warning("task.lost", task_id=ids.encode(ids.TASK, one.id), run=one.run)
    return len(lost)
