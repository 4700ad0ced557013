"""Record outcomes in batches: whatever finished while the last batch was written goes with the next one.

```
put ──► no event can follow ──► batches of 500 ──► written ──► told
    └─► one may ──────────────► batches of 25 to 100, with their events
```
An event that thousands of endpoints want takes seconds to write: no other endpoint's outcome waits for it, and a tenant
with many of these has them written alone, in turn with the others (`turns`). What comes of the same lane meanwhile goes
with the next of these batches, as it counts in the same rollup; so does all of a lane whose rollup somebody else holds,
another deliverer that tells of it, say, once it is free.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from core.database import Database
from core.intake.notices import Notices
from core.journal.record import Settled
from core.model.queued import Queued
from core.patience import end_all
from workers.delivery.turns import Done, Entry
from workers.delivery.writer import Writer

BATCH: Final = 500
TELLING: Final = 25
MOST_TELLING: Final = 100
"""Attempts in a batch of those of which events may follow: if ten thousand want each, 25 are written within seconds.

There are more in one if the batch before was full and quick.
"""


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
        self._telling: Final = Writer(database, due_again, notices, release, told, least=TELLING, most=MOST_TELLING)
        self._plain: Final = Writer(
            database, due_again, notices, release, told, least=BATCH, most=BATCH, elsewhere=self._put_stuck
        )
        self._apart: Final = Counter[UUID | None]()
        """Lanes of what goes with what may be told of, and is not written yet."""

    def put(self, settled: Settled, done: Done, *, pressing: bool = False) -> None:
        """Hand over an attempt; `done` is called once it is committed, however long the store is away.

        It is called with an error if the attempt cannot be written. One that is `pressing` goes after `PACE` at the
        latest: others wait for its slot, or for their turn after it.
        """
        if settled.may_tell or (self._apart and settled.lane in self._apart):
            self._telling.put(*self._set_apart(settled, done), pressing=pressing)
        else:
            self._plain.put(settled, done, pressing=pressing)

    def _put_stuck(self, entry: Entry) -> None:
        self._telling.hold(self._set_apart(*entry))

    def _set_apart(self, settled: Settled, done: Done) -> Entry:
        """Put an outcome where its lane holds up no other, with whatever comes of that lane until it is written."""
        self._apart[settled.lane] += 1
        return settled, partial(self._done_apart, settled.lane, done)

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
