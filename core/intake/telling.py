"""Tell about a task: its event and who is to hear of it, in the transaction that changes the task."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock
from core.database import Database
from core.dispatch.publish import Publisher
from core.intake.accept import NewEvent
from core.intake.judge import Judge, accept_events
from core.journal.tasks import TaskRecord, event_data
from core.model import ids
from core.model.ids import EventId
from core.model.queued import Queued
from core.model.states import TaskStatus
from core.registry.task_types import OWN

EVENTS: Final = {
    TaskStatus.STARTED: "task.started",
    TaskStatus.RETRY: "task.retried",
    TaskStatus.SUCCESS: "task.succeeded",
    TaskStatus.FAILURE: "task.failed",
    TaskStatus.REVOKED: "task.revoked",
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes events of what happens to tasks; `base_url` goes in front of their links."""

    database: Database
    publisher: Publisher
    base_url: str
    judge: Judge = field(default_factory=Judge)

    async def tell(self, tx: AsyncConnection, task: TaskRecord, *, publish: bool) -> tuple[Queued, ...]:
        """Record the event of a task's present state, in the engine's role; return what to publish after the commit.

        The end of a task is always an event, and goes to its own URL too. A start or a retry is one only if an
        endpoint wants to hear of it. Of Ringback's own tasks nobody does: they are about one owner's endpoint.
        """
        return await self.tell_all(tx, [task], publish=publish)

    async def tell_all(self, tx: AsyncConnection, tasks: Sequence[TaskRecord], *, publish: bool) -> tuple[Queued, ...]:
        """Do the same for tasks that change together, whose events share what filters may look at."""
        events = [self.event_of(task) for task in tasks if task.type not in OWN]
        return await accept_events(tx, judge=self.judge, events=events, publish=publish) if events else ()

    def event_of(self, task: TaskRecord) -> NewEvent:
        """Return the event of a task's state."""
        return NewEvent(
            id=EventId(ids.new_uuid7(self.database.unix_seconds())),
            tenant_id=task.tenant_id,
            type=EVENTS[TaskStatus(task.status)],
            timestamp=task.finished_at or clock.now(),
            data=event_data(task, base=self.base_url),
            traceparent=task.trace,
            task_id=task.id,
            webhook_url=task.webhook_url if task.ended else None,
            only_if_wanted=not task.ended,
        )
