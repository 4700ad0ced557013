"""Writing outcomes a batch at a time, and those that spoil one apart.

```
a batch ──► written as a whole ──► told
                └─► the first alone, halves of the rest, and so on ──► told, or its lane is held: see `waiting`
```
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final
from uuid import UUID

import structlog

from core import clock, fail_points
from core.database import Database, is_away
from core.intake.notices import Notices
from core.journal.record import Recorded, Settled
from core.journal.record_queries import record_attempts
from core.journal.success_queries import record_successes
from core.lease.lane_queries import next_in_order
from core.model.queued import Queued
from workers.delivery.turns import QUICK, Done, Entry
from workers.delivery.waiting import Waiting, parted
from workers.delivery.while_away import is_stuck, while_away
from workers.loop import STORE_ERRORS, Pace

PACE: Final = 0.01
"""Seconds between commits: under load each one carries what finished meanwhile."""
LEISURE: Final = 0.02
"""Seconds between commits of which none is pressing: half the batches cost Postgres a third less."""

_log: Final = structlog.stdlib.get_logger()


class RecorderClosedError(Exception):
    """Nobody writes any more: the attempt's lease runs out, and the feeder writes it as unknown."""

    def __init__(self) -> None:
        super().__init__("the recorder has ended")


class Writer:
    """Writes what it is given, a batch at a time, and tells of each once it is committed."""

    def __init__(
        self,
        database: Database,
        due_again: Callable[[Sequence[Queued]], None],
        notices: Notices,
        release: Callable[[Sequence[Queued]], None],
        told: Callable[[Sequence[Settled]], None],
        *,
        least: int,
        most: int,
        elsewhere: Callable[[Entry], None] | None = None,
    ) -> None:
        """Begin with batches of `least`; what finds its rows locked goes `elsewhere`, or is tried again."""
        self._least: Final = least
        self._most: Final = most
        self._batch = least
        self._database: Final = database
        self._notices: Final = notices
        self._due_again: Final = due_again
        self._release: Final = release
        self._told: Final = told
        self._waiting: Final = Waiting(elsewhere, few=least if elsewhere is None else None)
        self._under_way: list[list[Entry]] = []
        """Parts of the batch that are not written yet; the last one is next."""
        self._wake: Final = asyncio.Event()
        self._pace: Final = Pace(PACE)
        self._pressing: Final = asyncio.Event()
        self._written = -LEISURE
        self._began = 0.0
        self._closed = False

    def put(self, settled: Settled, done: Done, *, pressing: bool) -> None:
        """Write an outcome with the next batch, or once nobody holds its lane any more; `done` is told."""
        if self._closed:
            _tell(done, RecorderClosedError())
            return
        self._waiting.put((settled, done))
        self._wake.set()
        if pressing:
            self._pressing.set()

    def hold(self, entry: Entry) -> None:
        """Write an outcome of a lane that somebody holds, once nobody does."""
        if self._closed:
            _tell(entry[1], RecorderClosedError())
            return
        self._waiting.hold(entry)
        self._wake.set()

    async def run(self) -> None:
        """Write for ever; who waits when it ends is told so."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._rest()
                    await self._flush()
        finally:
            self._closed = True
            for _, done in (*chain(*self._under_way), *self._waiting):  # who waits must not wait for ever
                _tell(done, RecorderClosedError())

    async def _rest(self) -> None:
        """Wait for what goes with the next batch; at once where nothing was written for a while."""
        await self._pace.wait()
        timer = asyncio.get_running_loop().call_at(self._written + LEISURE, self._pressing.set)
        await self._pressing.wait()
        timer.cancel()
        self._pressing.clear()
        self._written = asyncio.get_running_loop().time()

    async def _flush(self) -> None:
        batch, patient = self._waiting.take(self._batch)
        self._under_way = [batch]
        self._began = clock.monotonic()
        failure = await self._write_part(patient=patient)
        if failure is not None:
            self._batch = self._least
            _log.warning("record.failed", attempts=len(batch), error=type(failure).__name__)
            while self._under_way:
                await self._write_part(patient=False)
        elif clock.monotonic() - self._began >= QUICK:
            self._batch = self._least
        elif len(batch) == self._batch:
            self._batch = min(self._most, self._batch * 2)
        self._waiting.settle(clock.monotonic() - self._began)

    async def _write_part(self, *, patient: bool) -> Exception | None:
        """Write what is next of the batch, and tell of it; part it if that fails, and return why.

        What spoils a batch, or is locked, must not hold the others.
        """
        part = self._under_way[-1]
        failure = await self._try([settled for settled, _ in part], patient=patient)
        self._under_way.pop()
        if failure is not None and len(part) > 1:
            self._under_way += reversed(parted(part))
        elif failure is not None and is_stuck(failure):
            self._hold_lane(part)
        else:
            for _, done in part:
                _tell(done, failure)
        return failure

    def _hold_lane(self, found: list[Entry]) -> None:
        """Set aside all of a lane: they would wait for the same.

        Who found it so goes last: it may be its own row that is locked, and not what its lane shares.
        """
        lane = found[0][0].lane
        others = [one for part in reversed(self._under_way) for one in part if one[0].lane == lane]
        parts = [[one for one in part if one[0].lane != lane] for part in self._under_way]
        self._under_way = [part for part in parts if part]
        self._waiting.hold(*others, *found)

    async def _try(self, part: list[Settled], *, patient: bool) -> Exception | None:
        """Write some of a batch, and return why it cannot be written; one alone, however long the store is away."""
        try:
            if len(part) > 1:
                await self._write_whole(part, patient=patient)
            else:
                await while_away(self._write, part, patient=patient)
        except STORE_ERRORS as error:
            return error
        return None

    async def _write_whole(self, part: list[Settled], *, patient: bool) -> None:
        """Write it; once more as a whole if the store was away meanwhile.

        It has to be quick then: leases ran out, and the feeder takes for unknown what is not recorded.
        """
        try:
            await self._write(part, patient=patient)
        except STORE_ERRORS as error:
            if not is_away(error) or is_stuck(error):
                raise
            _log.warning("record.away", attempts=len(part), error=type(error).__name__)
            await while_away(self._database.ping)
            self._began = clock.monotonic()  # nobody's events are slow because the store was away
            await self._write(part, patient=patient)

    async def _write(self, settled: list[Settled], *, patient: bool) -> None:
        if not patient or any(one.may_tell for one in settled):
            recorded = await self._write_and_tell(settled, patient=patient)
        else:
            async with self._database.statement() as tx:
                done = await record_successes(tx, settled=settled)
                recorded = Recorded() if done else await record_attempts(tx, settled=settled)
        if fail_points.reached is not None:
            fail_points.reached("record.committed")
        self._told(settled)
        self._due_again(recorded.due)
        ended = [one.delivery_id for one in settled if one.ordered and one.verdict.delay is None]
        if ended:
            await self._go_on(ended)

    async def _write_and_tell(self, settled: list[Settled], *, patient: bool) -> Recorded:
        """Write the attempts and the events of what they brought about in one transaction: both or neither."""
        async with self._database.engine(patient=patient) as tx:
            recorded = await record_attempts(tx, settled=settled)
            await self._notices.tell(tx, recorded)
            return recorded

    async def _go_on(self, ended: Sequence[UUID]) -> None:
        """The end of one lets the next of its order go at once, by a look of its own: it has to see that end."""
        try:
            async with self._database.statement() as tx:
                self._release(await next_in_order(tx, ended=ended))
        except STORE_ERRORS as error:  # what ended is recorded; the feeder brings the next
            _log.warning("release.failed", deliveries=len(ended), error=type(error).__name__)


def _tell(done: Done, error: BaseException | None) -> None:
    """Tell who waits for an outcome; one that raises must not keep it from the others."""
    try:
        done(error)
    except Exception:  # noqa: BLE001 - see above
        _log.exception("record.untold")
