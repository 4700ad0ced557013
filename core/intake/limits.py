"""What a submit has to know and need not ask each time: task types, and how much of a tenant's waits.

Each is believed for a second. What this process takes in meanwhile is counted, so that the limit holds; a tenant at
its limit is counted again after a twentieth of that, so that it is let in as soon as there is room.
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core import clock
from core.database import Database
from core.intake.accept import AT_ONCE
from core.intake.queries import WaitingTasks, count_waiting
from core.model.errors import FieldError, InvalidInputError, LimitReachedError, NotFoundError
from core.model.ids import TenantId
from core.registry.queries import read_task_versions
from core.registry.task_types import TaskType

BELIEVED_FOR: Final = 1.0
AT_THE_LIMIT: Final = 0.05
COUNTED_AGAIN: Final = 1
"""`AT_THE_LIMIT` in the whole seconds that clients are told."""
_CACHE_LIMIT: Final = 10_000


@dataclass(slots=True)
class _Count:
    at: float
    allowed: int
    present: int
    share: int
    """Tasks of the tenant that may be published: no more than may run."""

    @property
    def full(self) -> bool:
        return self.present >= self.allowed

    @property
    def stale(self) -> bool:
        return clock.monotonic() - self.at > (AT_THE_LIMIT if self.full else BELIEVED_FOR)


class Admission:
    """Finds task types and counts what waits."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database
        self._types: Final[dict[str, tuple[float, tuple[TaskType, ...]]]] = {}
        self._counts: Final[dict[UUID, _Count]] = {}
        self._asking: Final = asyncio.Lock()

    async def versions(self, name: str) -> tuple[TaskType, ...]:
        """Return the live versions of a type, newest first; raise `InvalidInputError` for an unknown one."""
        known = self._types.get(name)
        if known is not None and clock.monotonic() - known[0] < BELIEVED_FOR:
            return known[1]
        if known is not None:  # this request asks, those beside it go on with what was known
            self._types[name] = (clock.monotonic(), known[1])
        async with self._asking, self._database.engine() as tx:
            found = await read_task_versions(tx, name=name)
        if not found:
            self._types.pop(name, None)
            raise InvalidInputError(FieldError("/type", "No worker offers this task type."))
        self._types[name] = (clock.monotonic(), found)
        return found

    async def take(self, tenant_id: TenantId) -> LimitReachedError | None:
        """Count one more task of a tenant; return the refusal if as many wait as may."""
        count = self._counts.get(tenant_id)
        if count is None or count.stale:
            count = await self._count(tenant_id)
        if count.full:
            detail = f"{count.allowed} tasks wait already."
            return LimitReachedError(detail, policy="waiting-tasks", quota=count.allowed, reset=COUNTED_AGAIN)
        count.present += 1
        return None

    def crowded(self, tenant_id: TenantId) -> bool:
        """Whether the tenant has its share of the task queues, so that the rest waits for the feeder."""
        count = self._counts.get(tenant_id)
        return count is not None and count.present > count.share

    async def _count(self, tenant_id: TenantId) -> _Count:
        known = self._counts.get(tenant_id)
        if known is not None and not known.full:
            known.at = clock.monotonic()  # this request asks, those beside it go on with what was known
        async with self._asking:
            newer = self._counts.get(tenant_id)
            if newer is not None and newer is not known:  # another has asked meanwhile
                return newer
            at = clock.monotonic()
            async with self._database.engine() as tx:
                found: WaitingTasks | None = await count_waiting(tx, tenant_id=tenant_id)
            if found is None:
                raise NotFoundError("tenant")
            if len(self._counts) >= _CACHE_LIMIT:
                self._counts.clear()
            share = AT_ONCE if found.room is None else min(AT_ONCE, found.room)
            count = self._counts[tenant_id] = _Count(at, found.allowed, found.present, share)
            return count
