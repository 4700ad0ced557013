"""The feeder: fills the broker's window from what is due in Postgres, and ends what a dead process left.

```
lapsed leases ──► `unknown` attempt + next state          (deliveries)
              ──► due again, or FAILURE `worker_lost`     (tasks)
due, unpublished, its lane with room ──► published_until ──► message
```
Any number of feeders may run: each row is taken by one of them (`FOR UPDATE SKIP LOCKED`). Rows that merely wait are
not touched. A turn is `run_once()`; it is the only thing that makes the broker's loss harmless.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from core import clock
from core.database import Database, is_away
from core.dispatch.depths import QueueDepths
from core.dispatch.publish import Publisher
from core.intake.notices import Notices
from core.intake.telling import Teller
from core.journal.record import Settled
from core.journal.record_queries import record_attempts
from core.lease.claim import Lapsed
from core.lease.lane_queries import Due
from core.model.outcome import Outcome, OutcomeKind
from core.progress import ProgressBoard
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from core.settings import Settings
from workers.ending import end_lost_tasks
from workers.feeder import queries
from workers.feeder.delivery_queries import take_due_deliveries
from workers.feeder.queries import DueTasks
from workers.feeder.shares import Shares
from workers.feeder.stock import Stock
from workers.feeder.walk import FROM_THE_BEGINNING
from workers.loop import STORE_ERRORS, first_line, one_by_one

BATCH: Final = 1_000
LAPSED_BATCH: Final = 200
TASKS_BATCH: Final = 25
"""Tasks that a turn ends: each end is an event, and thousands of endpoints may want it."""
RECORDED_WITHIN: Final = 3.0
"""Seconds after an outage within which deliverers record what ended meanwhile: else it would be sent again."""
LANES_A_SECOND: Final = 5_000
"""Lanes that are looked at, some 10 µs of Postgres each, before a pause is due: that makes 5 % of a core."""
LATE: Final = 120.0
"""Seconds that a transaction which still made a delivery for an endpoint may commit after that endpoint's end."""
EVER: Final = 1e9
"""Seconds: all that Ringback can have known."""
ALL_ENDED: Final = 600.0
"""Seconds between looks at every endpoint that has ended, and not just at those that did so lately."""

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What one turn did."""

    unknown: int = 0
    lost: int = 0
    cancelled: int = 0
    deliveries: int = 0
    tasks: int = 0
    hurry: bool = False
    """Whether tasks wait for room of their tenant's: each start of a published one makes some, or each end of a run."""

    @property
    def worked(self) -> bool:
        """Whether another turn should follow at once: there may be more of the same.

        Tasks are brought for all the room that there is; the next ones come when some has been made.
        """
        return replace(self, hurry=False, tasks=self.tasks // BATCH) != FeedReport()


class Feeder:
    """One process's feeder."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        settings: Settings,
        teller: Teller,
        notices: Notices,
        *,
        rooms: Callable[[], Mapping[UUID, int]] = dict,
        board: ProgressBoard | None = None,
        depths: QueueDepths | None = None,
    ) -> None:
        """Feed nothing yet; `rooms` says of which lanes no more than so many may go: see `Engine.rooms`.

        `board` says how far tasks were that died, `depths` what waits in the queues, if the publisher looks at them.
        """
        self._board: Final = board
        self._rooms: Final = rooms
        self._database: Final = database
        self._publisher: Final = publisher
        self._settings: Final = settings
        self._teller: Final = teller
        self._notices: Final = notices
        self._shares: Final = Shares()
        self._stock: Final = Stock(depths)
        self._starts: Mapping[UUID, str] = {}
        self._walk = FROM_THE_BEGINNING
        self._whole_at = 0.0
        self._look_at = 0.0
        self._ended_at = self._all_ended_at = -ALL_ENDED
        self._hurried = False
        self._lapsed_from = 0.0
        self._at_once = LAPSED_BATCH

    async def run_once(self) -> FeedReport:
        """End what has lapsed, cancel what has nowhere to go, publish what is due.

        A turn in a hurry, sooner than the feeder's interval, is for the tasks that have room now.
        """
        if self._hurried and clock.monotonic() - self._whole_at < self._settings.feed_interval:
            tasks = await self._feed_tasks()
            report = FeedReport(tasks=len(tasks.tasks), hurry=bool(tasks.queues))
        else:
            self._whole_at = clock.monotonic()
            report = await self._whole()
        self._hurried = report.hurry and not report.worked  # what there may be more of is not held up by tasks
        return report

    async def _whole(self) -> FeedReport:
        unknown, lost = await self._end_in_time()
        cancelled, deliveries = await self._cancel(), await self._feed_deliveries()
        tasks = await self._feed_tasks()
        report = FeedReport(unknown, lost, cancelled, deliveries, len(tasks.tasks), hurry=bool(tasks.queues))
        if report != FeedReport(hurry=report.hurry):
            _log.info(
                "feed", unknown=report.unknown, lost=report.lost, deliveries=report.deliveries, tasks=report.tasks
            )
        return report

    async def _end_in_time(self) -> tuple[int, int]:
        """End what has lapsed; not at once after the store was away: who did the work then records what it knows."""
        if clock.monotonic() < self._lapsed_from:
            return 0, 0
        try:
            unknown = await self._end_lapsed()
            return unknown, await end_lost_tasks(self._database, self._teller, limit=TASKS_BATCH, board=self._board)
        except STORE_ERRORS:
            self._lapsed_from = clock.monotonic() + RECORDED_WITHIN
            raise

    async def _end_lapsed(self) -> int:
        try:
            ended = await self._end_batch(self._at_once)
        except STORE_ERRORS as error:
            self._at_once = max(1, self._at_once // 8)  # their events may be too much for one statement
            if is_away(error):
                raise
            _log.warning("lapsed.failed", error=type(error).__name__, detail=first_line(error))
            return await self._end_singly()
        self._at_once = min(LAPSED_BATCH, self._at_once * 2)
        return ended

    async def _end_singly(self) -> int:
        """End each by itself: one that cannot be written must not hold the others for ever."""
        async with self._database.engine() as tx:
            lapsed = await queries.take_lapsed(tx, limit=LAPSED_BATCH, default_timeout=self._settings.timeout)
        return await one_by_one(
            "lapsed.stuck", [one.delivery_id for one in lapsed], lambda row: self._end_batch(1, only=row)
        )

    async def _end_batch(self, limit: int, only: UUID | None = None) -> int:
        timeout = self._settings.timeout
        async with self._database.engine() as tx:
            lapsed = await queries.take_lapsed(tx, limit=limit, default_timeout=timeout, only=only)
            if not lapsed:
                return 0
            recorded = await record_attempts(tx, settled=[self._unknown(one) for one in lapsed])
            await self._notices.tell(tx, recorded)
        self._publisher.deliveries(recorded.due)
        return len(lapsed)

    def _unknown(self, lapsed: Lapsed) -> Settled:
        """Settle an attempt that began when its lease did, by the timeout that its endpoint has by now."""
        lease = timedelta(seconds=lapsed.timeout + self._settings.lease)
        return lapsed.settled(
            Outcome(OutcomeKind.UNKNOWN),
            default_schedule=self._settings.retry_schedule,
            headers="{}",
            started_at=max(lapsed.created_at, lapsed.lease_until - lease),
            now=lapsed.now,
        )

    async def _cancel(self) -> int:
        started = clock.monotonic()
        everything = started - self._all_ended_at > ALL_ENDED
        back = EVER if everything else started - self._ended_at + LATE
        async with self._database.engine() as tx:
            cancelled = await queries.cancel_undeliverable(tx, limit=BATCH, back=back)
        if cancelled < BATCH:  # else there is more of the same
            self._ended_at = started
            self._all_ended_at = started if everything else self._all_ended_at
        return cancelled

    async def _feed_deliveries(self) -> int:
        room = min(BATCH, self._publisher.room)
        if room == 0 or clock.monotonic() < self._look_at:
            return 0
        due = await self._look(room)
        self._publisher.deliveries(due.queued)  # after the commit: a message must not overtake its row
        if len(due.queued) < room:
            self._look_at = clock.monotonic() + due.lanes / LANES_A_SECOND
        return len(due.queued)

    async def _look(self, limit: int) -> Due:
        """Take what is due in the next lanes, of which the next look goes on; one that failed late is shortened."""
        started = clock.monotonic()
        held = self._rooms()
        try:
            async with self._database.statement() as tx:
                due = await take_due_deliveries(
                    tx,
                    limit=limit,
                    default_cap=DEFAULT_MAX_IN_FLIGHT,
                    starts=self._starts,
                    rooms=held,
                    walk=self._walk,
                )
        except STORE_ERRORS:
            self._walk = self._walk.timed(clock.monotonic() - started)
            raise
        self._starts, self._walk = due.starts, self._walk.on(due, took=clock.monotonic() - started)
        return due

    async def _feed_tasks(self) -> DueTasks:
        if self._publisher.room == 0:
            return DueTasks((), {})
        shares, depths = self._shares.of_queues(), self._stock.of_queues()
        async with self._database.statement() as tx:
            due = await queries.take_due_tasks(tx, limit=BATCH, shares=shares, depths=depths)
        self._shares.note(due.queues, (task.queue for task in due.tasks))
        self._stock.note(task.queue for task in due.tasks)
        self._publisher.tasks(due.tasks)
        return due
