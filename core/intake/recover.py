"""Recover an endpoint: a task that reopens what it has missed, so that nobody waits for a million rows.

The task is one of Ringback's own: clients start it by the endpoint alone, and it is not listed among the task types.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final

import msgspec

from core import clock
from core.database import Database
from core.intake.accept import NewTask
from core.intake.check import CHECK
from core.intake.dedupe import RequestKey
from core.intake.own_tasks import OwnTasks
from core.intake.reopen import check_target
from core.intake.reopen_queries import read_target
from core.intake.submitted import Submitted, answered
from core.journal.tasks import TaskRecord, timestamp
from core.model import ids
from core.model.errors import FieldError, InvalidInputError, NotFoundError
from core.model.ids import EndpointId, TaskId, TenantId, new_uuid7
from core.registry.task_types import TaskType

ATTEMPTS: Final = 10
"""How often a recover goes on after Postgres was away, before it ends as failed."""
RECOVER: Final = TaskType(
    name="endpoints.recover",
    description="Reopens what an endpoint has missed.",
    queue="default",
    input_schema={},
    output_schema={},
    soft_time_limit=3600,
    hard_time_limit=3660,
    retry_policy={"max_attempts": ATTEMPTS},
)


@dataclass(frozen=True, slots=True)
class Window:
    """What of an endpoint to recover: deliveries made from `since` on and before `until`; no types mean all."""

    endpoint_id: EndpointId
    since: datetime
    until: datetime | None
    event_types: Sequence[str] | None


class _Input(msgspec.Struct):
    """What of a recover's input says whose it is."""

    endpoint_id: str


class Recoveries:
    """Starts recovers."""

    def __init__(self, database: Database, tasks: OwnTasks) -> None:
        self._database: Final = database
        self._tasks: Final = tasks

    async def start(
        self,
        tenant_id: TenantId,
        owner: str | None,
        window: Window,
        *,
        status: int = HTTPStatus.SEE_OTHER,
        key: RequestKey | None = None,
        traceparent: str | None = None,
    ) -> Submitted:
        """Record the task of a recover and return it once it is committed.

        `status` is what the answer will be, kept with the key.
        Raises `NotFoundError` for an endpoint that this owner does not see, `ConflictError` for one that is disabled or
        deleted, `InvalidInputError` for a window that ends before it begins, and what `OwnTasks.start` raises.
        """
        if before := await answered(self._database, key):
            return before
        async with self._database.tenant(tenant_id, owner) as tx:
            target = await read_target(tx, endpoint_id=window.endpoint_id)
        if target is None:
            raise NotFoundError("endpoint")
        new = replace(self._new_task(tenant_id, window), traceparent=traceparent)
        check_target(target)
        return await self._tasks.start(new, status=status, key=key)

    async def may_poll(self, tenant_id: TenantId, owner: str | None, task: TaskRecord) -> bool:
        """Tell whether a task is a recover or a check of an endpoint that this owner sees."""
        if task.type not in {RECOVER.name, CHECK.name} or task.input is None:
            return False
        named = msgspec.json.decode(task.input, type=_Input).endpoint_id
        async with self._database.tenant(tenant_id, owner) as tx:
            return await read_target(tx, endpoint_id=EndpointId(ids.decode(ids.ENDPOINT, named))) is not None

    def _new_task(self, tenant_id: TenantId, window: Window) -> NewTask:
        now = self._database.unix_seconds()
        until = window.until or clock.at(now)
        if until <= window.since:
            raise InvalidInputError(FieldError("/since", "It is not before the end of the window."))
        written = {
            "endpoint_id": ids.encode(ids.ENDPOINT, window.endpoint_id),
            "since": timestamp(window.since),
            "until": timestamp(until),
            "event_types": window.event_types,
        }
        return NewTask(
            id=TaskId(new_uuid7(now)),
            tenant_id=tenant_id,
            type=RECOVER,
            input=msgspec.json.encode(written),
            metadata={},
        )
