"""Record outcomes in batches: whatever finished while the last batch was written goes with the next one.

```
put ──► no event can follow ──► batches of 500 ──► written ──► told
    └─► one may ──────────────► batches of 25 to 100, with their events
```
An event that thousands of endpoints want takes seconds to write: no other endpoint's outcome waits for it. What comes
of the same lane meanwhile goes with the next of these batches, as it counts in the same rollup; so does all of a lane
whose rollup somebody else holds, another deliverer that tells of it, say.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
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
from core.patience import end_all
from workers.delivery.while_away import is_stuck, while_away
from workers.loop import STORE_ERRORS, Pace

BATCH: Final = 500
TELLING: Final = 25
MOST_TELLING: Final = 100
"""Attempts in a batch of those of which events may follow: if ten thousand want each, 25 are written within seconds.

There are more in one if the batch before was full and quick.
"""
QUICK: Final = 0.5
"""Seconds in which a batch is written that may be larger next time."""
PACE: Final = 0.01
"""Seconds between commits: under load each one carries what finished meanwhile."""
LEISURE: Final = 0.02
"""Seconds between commits of which none is pressing: half the batches cost Postgres a third less."""

_log: Final = structlog.stdlib.get_logger()
Done = Callable[[BaseException | None], None]
Entry = tuple[Settled, Done]


class RecorderClosedError(Exception):
    """Nobody writes any more: the attempt's lease runs out, and the feeder writes it as unknown."""

    def __init__(self) -> None:
        super().__init__("the recorder has ended")


class Recorder:
    """Writes finished attempts, and tells of each once it is committed."""

    def __init__(
        self,
        database: Database,
        due_again: Callable[[Sequence[Queued]], None],
        notices: Notices,
        release: Callable[[Sequence[Queued]], None] = lambda _: None,
        told: Callable[[Sequence[Settled]], None] = lambda _: None,
    ) -> None:
        """Write nothing yet.

        `release` is told what follows in its order once the one before it has ended, `told` what was recorded.
        """
        self._telling: Final = _Writer(database, due_again, notices, release, told, least=TELLING, most=MOST_TELLING)
        self._plain: Final = _Writer(
            database, due_again, notices, release, told, least=BATCH, most=BATCH, elsewhere=self._put_apart
        )
        self._apart: Final = Counter[UUID | None]()
        """Lanes of what goes with what may be told of, and is not written yet."""

    def put(self, settled: Settled, done: Done, *, pressing: bool = False) -> None:
        """Hand over an attempt; `done` is called once it is committed, however long the store is away.

        It is called with an error if the attempt cannot be written. One that is `pressing` goes after `PACE` at the
        latest: others wait for its slot, or for their turn after it.
        """
        if settled.may_tell or (self._apart and settled.lane in self._apart):
            self._put_apart((settled, done), pressing=pressing)
        else:
            self._plain.put(settled, done, pressing=pressing)

    def _put_apart(self, entry: Entry, *, pressing: bool = False) -> None:
        """Put an outcome where its lane holds up no other, with whatever comes of that lane until it is written."""
        settled, done = entry
        self._apart[settled.lane] += 1
        self._telling.put(settled, partial(self._done_apart, settled.lane, done), pressing=pressing)

    def _done_apart(self, lane: UUID | None, done: Done, error: BaseException | None) -> None:
        self._apart[lane] -= 1
        if not self._apart[lane]:
            del self._apart[lane]
        done(error)

    async def run(self) -> None:
        """Write for ever; cancel it once nothing is handed over any more."""
        writing = [asyncio.create_task(writer.run()) for writer in (self._plain, self._telling)]
        try:
            ended, _ = await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
            for one in ended:
                one.result()
        finally:
            await end_all(*writing)


class _Writer:
    """Writes what it is given, a batch at a time."""

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
        self._elsewhere: Final = elsewhere
        self._database: Final = database
        self._notices: Final = notices
        self._due_again: Final = due_again
        self._release: Final = release
        self._told: Final = told
        self._waiting: list[Entry] = []
        self._under_way: list[Entry] = []
        self._wake: Final = asyncio.Event()
        self._pace: Final = Pace(PACE)
        self._pressing: Final = asyncio.Event()
        self._written = -LEISURE
        self._closed = False

    def put(self, settled: Settled, done: Done, *, pressing: bool) -> None:
        if self._closed:
            done(RecorderClosedError())
            return
        self._waiting.append((settled, done))
        self._wake.set()
        if pressing:
            self._pressing.set()

    async def run(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._rest()
                    self._under_way = self._next_batch()
                    await self._flush()
        finally:
            self._closed = True
            for _, done in (*self._under_way, *self._waiting):  # who waits must not wait for ever
                done(RecorderClosedError())

    async def _rest(self) -> None:
        """Wait for what goes with the next batch; at once where nothing was written for a while."""
        await self._pace.wait()
        timer = asyncio.get_running_loop().call_at(self._written + LEISURE, self._pressing.set)
        await self._pressing.wait()
        timer.cancel()
        self._pressing.clear()
        self._written = asyncio.get_running_loop().time()

    def _next_batch(self) -> list[Entry]:
        batch: dict[object, Entry] = {}
        rest: list[Entry] = []
        for entry in self._waiting:
            fits = len(batch) < self._batch and entry[0].delivery_id not in batch
            if fits:
                batch[entry[0].delivery_id] = entry
            else:
                rest.append(entry)
        self._waiting = rest
        return list(batch.values())

    async def _flush(self) -> None:
        began = clock.monotonic()
        try:
            await self._write_whole([settled for settled, _ in self._under_way])
        except STORE_ERRORS as error:
            self._batch = self._least
            _log.warning("record.failed", attempts=len(self._under_way), error=type(error).__name__)
            await self._write_singly()
            return
        batch, self._under_way = self._under_way, []
        if clock.monotonic() - began >= QUICK:
            self._batch = self._least
        elif len(batch) == self._batch:
            self._batch = min(self._most, self._batch * 2)
        for _, done in batch:
            _tell(done, None)

    async def _write_singly(self) -> None:
        """Write each by itself: the one that spoils the batch must not hold the others."""
        stuck: dict[UUID | None, list[Entry]] = {}
        while self._under_way:
            settled, done = self._under_way[0]
            failure = None if settled.lane in stuck else await self._write_alone(settled)
            entry = self._under_way.pop(0)
            if settled.lane in stuck or (failure is not None and is_stuck(failure)):
                stuck.setdefault(settled.lane, []).append(entry)  # of one lane all would wait for the same
            else:
                _tell(done, failure)
        # Whose turn it was goes last: it may be its own row that is locked, and not what its lane shares.
        left = list(chain.from_iterable((*rest, first) for first, *rest in stuck.values()))
        if self._elsewhere is None:
            self._waiting[:0] = left
        else:
            for entry in left:
                self._elsewhere(entry)

    async def _write_whole(self, batch: list[Settled]) -> None:
        """Write a batch; once more as a whole if the store was away meanwhile.

        It has to be quick then: leases ran out, and the feeder takes for unknown what is not recorded.
        """
        try:
            await self._write(batch)
        except STORE_ERRORS as error:
            if not is_away(error) or is_stuck(error):
                raise
            _log.warning("record.away", attempts=len(batch), error=type(error).__name__)
            await while_away(self._database.ping)
            await self._write(batch)

    async def _write_alone(self, settled: Settled) -> Exception | None:
        """Write one attempt, however long the store is away; return why it cannot be written."""
        try:
            await while_away(self._write, [settled])
        except STORE_ERRORS as error:
            return error
        return None

    async def _write(self, settled: list[Settled]) -> None:
        if any(one.may_tell for one in settled):
            recorded = await self._write_and_tell(settled)
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

    async def _write_and_tell(self, settled: list[Settled]) -> Recorded:
        """Write the attempts and the events of what they brought about in one transaction: both or neither."""
        async with self._database.engine() as tx:
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
