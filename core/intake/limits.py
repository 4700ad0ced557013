"""What a submit has to know and need not ask each time: task types, how much of a tenant's waits and how much is due.

Each is believed for a second. What this process takes in meanwhile is counted, so that a limit holds; a tenant at
its limit is counted again after a twentieth of that, so that it is let in as soon as there is room.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from core import clock
from core.database import Database
from core.flights import Flights
from core.intake.accept import AT_ONCE
from core.intake.queries import Counted, count_due, count_waiting
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

    @property
    def full(self) -> bool:
        return self.present >= self.allowed

    @property
    def stale(self) -> bool:
        return clock.monotonic() - self.at > (AT_THE_LIMIT if self.full else BELIEVED_FOR)


class _Tally:
    """How much each tenant has of something, and how much it may have."""

    def __init__(self, read: Callable[[TenantId], Coroutine[None, None, Counted | None]]) -> None:
        self._read: Final = read
        self._counts: Final[dict[UUID, _Count]] = {}
        self._reads: Final = Flights[_Count]()

    async def take(self, tenant_id: TenantId) -> tuple[bool, int]:
        """Count one more, if there is room; return whether there was, and how many are allowed."""
        count = self._counts.get(tenant_id)
        if count is None or count.stale:
            count = await self._count(tenant_id)
        if count.full:
            return False, count.allowed
        count.present += 1
        return True, count.allowed

    async def _count(self, tenant_id: TenantId) -> _Count:
        known = self._counts.get(tenant_id)
        if known is not None and not known.full:
            known.at = clock.monotonic()  # this request asks, those beside it go on with what was known
        return await self._reads.share(tenant_id, partial(self._read_count, tenant_id, known))

    async def _read_count(self, tenant_id: TenantId, known: _Count | None) -> _Count:
        newer = self._counts.get(tenant_id)
        if newer is not None and newer is not known:  # the read before this one has asked meanwhile
            return newer
        at = clock.monotonic()
        found = await self._read(tenant_id)
        if found is None:
            raise NotFoundError("tenant")
        if len(self._counts) >= _CACHE_LIMIT:
            self._counts.clear()
        count = self._counts[tenant_id] = _Count(at, found.allowed, found.present)
        return count


class Admission:
    """Finds task types and counts what waits."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database
        self._types: Final[dict[str, tuple[float, tuple[TaskType, ...]]]] = {}
        self._reads: Final = Flights[tuple[TaskType, ...]]()
        self._waiting: Final = _Tally(self._count_waiting)
        self._due: Final = _Tally(self._count_due)

    async def versions(self, name: str) -> tuple[TaskType, ...]:
        """Return the live versions of a type, newest first; raise `InvalidInputError` for an unknown one."""
        known = self._types.get(name)
        if known is not None and clock.monotonic() - known[0] < BELIEVED_FOR:
            return known[1]
        if known is not None:  # this request asks, those beside it go on with what was known
            self._types[name] = (clock.monotonic(), known[1])
        return await self._reads.share(name, partial(self._read_versions, name, known))

    async def _read_versions(self, name: str, known: tuple[float, tuple[TaskType, ...]] | None) -> tuple[TaskType, ...]:
        newer = self._types.get(name)
        if known is None and newer is not None:  # the read before this one has asked meanwhile
            return newer[1]
        async with self._database.engine() as tx:
            found = await read_task_versions(tx, name=name)
        if not found:
            self._types.pop(name, None)
            raise InvalidInputError(FieldError("/type", "No worker offers this task type."))
        self._types[name] = (clock.monotonic(), found)
        return found

    async def take(self, tenant_id: TenantId) -> LimitReachedError | None:
        """Count one more task of a tenant; return the refusal if as many wait as may."""
        taken, allowed = await self._waiting.take(tenant_id)
        if taken:
            return None
        detail = f"{allowed} tasks wait already."
        return LimitReachedError(detail, policy="waiting-tasks", quota=allowed, reset=COUNTED_AGAIN)

    async def may_publish(self, tenant_id: TenantId) -> bool:
        """Count one more due task of a tenant; false if it has its share of the queues, and the feeder brings it."""
        taken, _ = await self._due.take(tenant_id)
        return taken

    async def _count_waiting(self, tenant_id: TenantId) -> Counted | None:
        async with self._database.engine() as tx:
            return await count_waiting(tx, tenant_id=tenant_id)

    async def _count_due(self, tenant_id: TenantId) -> Counted | None:
        async with self._database.engine() as tx:
            return await count_due(tx, tenant_id=tenant_id, at_once=AT_ONCE)
