"""Erases what belonged to closed tenants: a batch a turn, so that nothing else waits for it.

```
closed, a minute ago ──► tasks end ──► tasks and their results ──► deliveries, attempts ──► all else ──► the tenant
```
Whatever dies in between, the next turn goes on with what is left: the tenant's row is the last to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from core.database import Database
from core.model.ids import TenantId
from core.registry.tenant_queries import end_tasks
from core.results import Results
from workers.upkeep import erasure_queries as queries

PAUSE: Final = 10.0
BATCH: Final = 1_000

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """How many rows a turn has erased, and whether a tenant is gone for good."""

    rows: int = 0
    tenants: int = 0
    hurry: bool = False

    @property
    def worked(self) -> bool:
        """Whether there may be more."""
        return self.rows + self.tenants > 0


class Erasure:
    """Erases closed tenants, one after the other; each of several processes another one."""

    def __init__(self, database: Database, results: Results | None, *, batch: int = BATCH) -> None:
        """Without `results`, those of tasks stay in Redis until they expire."""
        self._database: Final = database
        self._results: Final = results
        self._batch: Final = batch
        self._stuck: Final[set[TenantId]] = set()
        """Those that could not be erased any further; the others go first."""

    async def run_once(self) -> ErasureReport:
        """Erase a batch of the tenant that was closed first."""
        async with self._database.engine() as tx:
            tenant_id = await queries.take_closed(tx, but=self._stuck)
            if tenant_id is None:
                self._stuck.clear()
                return ErasureReport()
            rows = await end_tasks(tx, tenant_id=tenant_id, limit=self._batch)
            ended = await queries.list_ended(tx, tenant_id=tenant_id, limit=self._batch)
        return await self._erase(tenant_id, rows, await self._forget(ended))

    async def _erase(self, tenant_id: TenantId, rows: int, tasks: Sequence[UUID]) -> ErasureReport:
        async with self._database.engine() as tx:
            if await queries.take_closed(tx, but=self._stuck) != tenant_id:  # another process is at it
                return ErasureReport()
            rows += await queries.delete_tasks(tx, ids=tasks)
            rows += await queries.delete_deliveries(tx, tenant_id=tenant_id, limit=self._batch)
            if not await queries.on_the_wire(tx, tenant_id=tenant_id):
                rows += await queries.delete_rest(tx, tenant_id=tenant_id, limit=self._batch)
            tenants = int(rows == 0 and await queries.delete_tenant(tx, tenant_id=tenant_id))
        if not (rows or tenants):
            self._stuck.add(tenant_id)
        _log.info("erasure.turn", tenant=str(tenant_id), rows=rows, gone=tenants)
        return ErasureReport(rows, tenants)

    async def _forget(self, ended: Sequence[queries.Ended]) -> list[UUID]:
        """Forget the results of tasks; return those whose rows may go: none while Redis is away."""
        if self._results is not None:
            try:
                for task in ended:
                    for run in range(1, task.run + 1):
                        await self._results.forget(task.id, run)
            except RedisError as error:
                _log.warning("erasure.results_kept", error=type(error).__name__)
                return []
        return [task.id for task in ended]
