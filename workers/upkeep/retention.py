"""What has passed its time goes: payloads first, then whole weeks, and in batches what lies in no week.

```
past the tenant's retention   hidden from readers at once; payloads emptied, what waits ends as `expired`
past the longest of all       the week is dropped: deliveries, then their attempts, then events
ended tasks, expired keys and sessions, rollups that no window reaches        deleted
rollups of five minutes, after two hours                         added to that of their hour
```
Each step is a short transaction, and goes on where the last one has stopped, in whatever process.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Final, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from workers.loop import tolerated
from workers.upkeep import retention_queries as queries

PAUSE: Final = 300.0
BATCH: Final = 500
COUNTS_BATCH: Final = 5_000
ROLLUPS_KEPT: Final = timedelta(days=8)
"""A day longer than the longest window."""

FINE_KEPT: Final = timedelta(hours=2)
"""An hour longer than the window that is read by five minutes."""

T = TypeVar("T")

_log: Final = structlog.stdlib.get_logger()
Step = Callable[[AsyncConnection], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """How much a turn removed of each; `cut` if payloads were left to another one."""

    emptied: int = 0
    expired: int = 0
    dropped: int = 0
    tasks: int = 0
    keys: int = 0
    sessions: int = 0
    rollups: int = 0
    folded: int = 0
    cut: bool = False
    hurry: bool = False

    @property
    def worked(self) -> bool:
        """Whether there may be more now; what passes its time meanwhile, one by one, waits for the next turn."""
        return (
            bool(self.cut or self.dropped)
            or BATCH in {self.expired, self.tasks, self.keys, self.sessions}
            or COUNTS_BATCH in {self.rollups, self.folded}
        )


class Retention:
    """Removes what is over; one process at a time, the others skip their turn."""

    def __init__(self, database: Database, *, retention_days: int, disable_after: int) -> None:
        """Take the retention that holds while there is no tenant (days), and how far back failures matter (seconds)."""
        self._database: Final = database
        self._default_days: Final = retention_days
        self._rollups_kept: Final = max(ROLLUPS_KEPT, timedelta(seconds=disable_after) + timedelta(days=1))

    async def run_once(self) -> RetentionReport:
        """Take one batch of each."""
        emptied, cut = await self._step(lambda tx: queries.empty_events(tx, limit=BATCH), (0, False))
        report = RetentionReport(
            emptied=emptied,
            cut=cut,
            tasks=await self._step(lambda tx: queries.delete_tasks(tx, limit=BATCH), 0),
            keys=await self._step(lambda tx: queries.delete_keys(tx, limit=BATCH), 0),
            sessions=await self._step(lambda tx: queries.delete_sessions(tx, limit=BATCH), 0),
            rollups=await self._step(
                lambda tx: queries.delete_rollups(tx, keep=self._rollups_kept, limit=COUNTS_BATCH), 0
            ),
            folded=await self._step(lambda tx: queries.fold_rollups(tx, keep=FINE_KEPT, limit=COUNTS_BATCH), 0),
        )
        # Where the tables are in use another turn drops; what else was done still counts.
        expired, dropped = await tolerated("retention.failed", self._drop(), (0, 0))
        report = replace(report, expired=expired, dropped=dropped)
        if report != RetentionReport():
            _log.info("retention", **asdict(report))
        return report

    async def _step(self, step: Step[T], none: T) -> T:
        """Take a step; one that fails does not keep the others from theirs."""
        return await tolerated("retention.failed", self._locked(step, none), none)

    async def _locked(self, step: Step[T], none: T) -> T:
        async with self._database.engine() as tx:
            return await step(tx) if await queries.try_lock(tx) else none

    async def _drop(self) -> tuple[int, int]:
        """End what waits in the oldest week that is over, then drop a partition of it; return how many of each.

        Both under the lock that reopening and replaying share: what they have found does not go before they commit.
        """
        async with self._database.engine() as tx:
            if not await queries.try_lock(tx):
                return 0, 0
            past = await queries.oldest_past(tx, default_days=self._default_days)
            if past is None or not await queries.try_lock(tx, past=True):
                return 0, 0
            expired = await queries.expire_deliveries(tx, past=past, limit=BATCH)
            if await queries.is_unfinished(tx, past=past):
                return expired, 0
            await queries.drop_partition(tx, past=past)
            return expired, 1
