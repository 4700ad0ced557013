"""Who has only failed: told of after a while, disabled after five days.

```
a success ──► failing_since = null ◄───────────────── the record writes it
a failure ──► failing_since ──── 1/5 of the time ───► `endpoint.failing`, once a stretch
                             └── the whole of it ───► disabled (`failing`), `endpoint.disabled`
```
Time alone disables nobody: see `FailingRule`. Whoever is disabled is told of as failing too, though it be just before:
one failure a day ends an endpoint, and warns of nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.intake.notices import DISABLED, FAILING, Notices
from core.model.ids import EndpointId
from workers.loop import STORE_ERRORS
from workers.upkeep.health_queries import FailingRule, disable, note_told, take_failing, try_lock

BATCH: Final = 100
"""Endpoints of a turn, as long as it can tell of so many: thousands of others may want to hear of each."""
LONGEST_PAUSE: Final = 60.0
PARTS: Final = 5

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How many endpoints a turn has disabled, and of how many it has told that they fail."""

    disabled: int = 0
    failing: int = 0
    worked: bool = False  # there may be more
    hurry: bool = False


class EndpointHealth:
    """Judges endpoints; one process at a time, the others skip their turn."""

    def __init__(self, database: Database, notices: Notices, *, disable_after: int) -> None:
        """Take the time of failure, in seconds, after which an endpoint is disabled."""
        self._database: Final = database
        self._notices: Final = notices
        self._disabling: Final = FailingRule(after=disable_after, part=disable_after / PARTS, parts=3, untold=False)
        warned = disable_after / PARTS
        self._warning: Final = FailingRule(after=warned, part=warned, parts=1, untold=True)
        self._at_once = BATCH

    @property
    def pause(self) -> float:
        """Seconds between turns."""
        return min(LONGEST_PAUSE, max(1.0, self._warning.after / PARTS))

    async def run_once(self) -> HealthReport:
        """Disable who has only failed for the whole time, and tell of who has for a part of it.

        After a turn that failed the next one takes fewer: to tell of them all may have been too much for a statement.
        """
        try:
            report = await self._judge(self._at_once)
        except STORE_ERRORS:
            self._at_once = max(1, self._at_once // 4)
            raise
        self._at_once = min(BATCH, 2 * self._at_once)
        if report.disabled or report.failing:
            _log.info("endpoint_health", disabled=report.disabled, failing=report.failing)
        return report

    async def _judge(self, limit: int) -> HealthReport:
        async with self._database.engine() as tx:
            if not await try_lock(tx):
                return HealthReport()
            ended = await take_failing(tx, rule=self._disabling, limit=limit)
            await self._warn(tx, [one.id for one in ended if not one.told])
            await self._end(tx, [one.id for one in ended])
            failing = await take_failing(tx, rule=self._warning, limit=limit)
            await self._warn(tx, [one.id for one in failing])
        return HealthReport(len(ended), len(failing), worked=limit in {len(ended), len(failing)})

    async def _warn(self, tx: AsyncConnection, endpoint_ids: Sequence[EndpointId]) -> None:
        await note_told(tx, endpoint_ids=endpoint_ids)
        await self._notices.of_endpoints(tx, FAILING, endpoint_ids)

    async def _end(self, tx: AsyncConnection, endpoint_ids: Sequence[EndpointId]) -> None:
        await disable(tx, endpoint_ids=endpoint_ids)
        await self._notices.of_endpoints(tx, DISABLED, endpoint_ids)
