"""Events in a transaction of their own: a batch, or one that a group could not take.

All lines are written by one statement, or none of them: so they keep their order. The request's key comes first, then
the clients' IDs, as the groups take them.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import dedupe
from core.intake.accept import NewEvent
from core.intake.accept_queries import insert_lines
from core.intake.dedupe import RequestKey
from core.intake.event_group import read_taken
from core.intake.event_key_queries import Taken, drop_expired_keys
from core.intake.event_queries import Inserted, Line
from core.intake.judge import TRIES, Judge
from core.intake.outcomes import Accepted, ContentDiffersError, EventGoneError, Refusal, refused, remembered, replayed
from core.intake.shared import ANSWER_WITHIN
from core.journal.event_queries import read_event, read_events
from core.journal.events import EventRecord
from core.model.counted import Budget
from core.model.errors import FieldError, InvalidInputError, UnavailableError
from core.model.filters import EVENT_BUDGET
from core.model.ids import EventId
from core.model.queued import Queued
from core.once import Kept

AT_ONCE: Final = 5
"""Transactions that may be open at a time: half the API's pool. The other half is for what must not wait behind a
hundred batches, as the look-up of a key.
"""
TURN: Final = 16
"""Lines that are judged before it is the others' turn."""
LOOKS: Final = 10 * EVENT_BUDGET
"""Values of the lines of a batch that filters may look at, each time that they are judged included: some 15 seconds at
the worst. In 1,000 lines that is enough for 200 filters that look at 20 values each."""
JUDGED_WITHIN: Final = 30.0
"""Seconds that judging a batch may take, behind others of its tenant included; 503 beyond."""
_TOO_LONG: Final = Refusal.of(
    InvalidInputError(FieldError("/data", "Its batch is too long to be judged by filters: send fewer at once."))
)


class _StaleError(Exception):
    """A filter is not the one that was judged by."""


def record_of(event: NewEvent, inserted: Inserted) -> EventRecord:
    """Return an event as its row is when it has just been made."""
    if inserted.made_at is None:
        raise UnavailableError  # its key was let go of between two statements: whoever comes again gets it
    return EventRecord(
        id=event.id,
        tenant_id=event.tenant_id,
        client_id=event.client_id,
        type=event.type,
        timestamp=event.timestamp,
        data=event.data,
        ordering_key=event.ordering_key,
        attributes=event.attributes,
        deliveries=inserted.deliveries,
        created_at=inserted.made_at,
        erased_at=None,
    )


class Together:
    """Records events in one transaction, and publishes what is due once that is committed."""

    def __init__(self, database: Database, publisher: Publisher, judge: Judge) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._judge: Final = judge
        self._room: Final = asyncio.Semaphore(AT_ONCE)

    async def one(self, line: Line, key: RequestKey | None) -> Accepted:
        """Record an event; raise `ContentDiffersError` if its ID stands for another one, which frees the key.

        Raises `UnavailableError` if it does not get a transaction in time, as `many` does.
        """
        for _ in range(TRIES):
            judged = await self._judged(line)
            with suppress(_StaleError):
                return await self._one(judged, key)
        raise UnavailableError

    async def _one(self, line: Line, key: RequestKey | None) -> Accepted:
        publish = self._publisher.ready
        async with self._transaction() as tx:
            kept = None if key is None else await dedupe.claim(tx, key)
            if kept is not None:
                return Accepted(await _kept(tx, line, kept), replayed=True)
            (outcome,), queued = await self._write(tx, [line], publish=publish)
            if not isinstance(outcome, Accepted):
                raise outcome
            if key is not None:
                await dedupe.fill(tx, key, Kept(outcome.event.id, HTTPStatus.ACCEPTED))
        if publish:
            self._publisher.deliveries(queued)
        return outcome

    async def many(
        self, lines: Sequence[Line | Refusal], key: RequestKey | None
    ) -> tuple[list[Accepted | Refusal], bool]:
        """Record the lines of a batch, those that were not refused before; tell whether it was answered before.

        Lines are refused for which the time that filters have is up. Raises `UnavailableError` also if that takes long.
        """
        budget, until = Budget(LOOKS), asyncio.get_running_loop().time() + JUDGED_WITHIN
        for _ in range(TRIES):
            lines = await self._judged_in_time(lines, budget, until)
            good = [line for line in lines if isinstance(line, Line)]
            if not good:
                return [line for line in lines if isinstance(line, Refusal)], False
            with suppress(_StaleError):
                return await self._many(lines, good, key)
        raise UnavailableError

    async def _many(
        self, lines: Sequence[Line | Refusal], good: Sequence[Line], key: RequestKey | None
    ) -> tuple[list[Accepted | Refusal], bool]:
        publish = self._publisher.ready
        async with self._transaction() as tx:
            kept = None if key is None else await dedupe.claim(tx, key)
            if kept is not None:
                return await replayed(tx, good[0].event.tenant_id, kept), True
            written, queued = await self._write(tx, good, publish=publish)
            rest = iter(written)
            outcomes = [line if isinstance(line, Refusal) else refused(next(rest)) for line in lines]
            if key is not None:
                await dedupe.fill(tx, key, Kept(good[0].event.id, HTTPStatus.ACCEPTED, remembered(outcomes)))
        if publish:
            self._publisher.deliveries(queued)
        return outcomes, False

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    await stack.enter_async_context(self._room)
                    tx = await stack.enter_async_context(self._database.engine())
            except TimeoutError:
                raise UnavailableError from None
            yield tx

    async def _write(
        self, tx: AsyncConnection, lines: Sequence[Line], *, publish: bool
    ) -> tuple[list[Accepted | ContentDiffersError | EventGoneError], tuple[Queued, ...]]:
        """Record the events of one tenant; return what became of each, and what is due, to publish after the commit."""
        keys = [(line.event.tenant_id, key) for line in lines for key in line.keys]
        if keys:
            await drop_expired_keys(tx, keys=keys)
        inserted, queued = await self._insert(tx, lines, publish=publish)
        taken = await read_taken(tx, lines, inserted)
        firsts = [one.made for one in taken.values()]
        found = await read_events(tx, tenant_id=lines[0].event.tenant_id, event_ids=firsts) if firsts else {}
        pairs = enumerate(zip(lines, inserted, strict=True))
        return [_outcome(line, one, taken.get(number), found) for number, (line, one) in pairs], queued

    async def _insert(
        self, tx: AsyncConnection, lines: Sequence[Line], *, publish: bool
    ) -> tuple[Sequence[Inserted], tuple[Queued, ...]]:
        """Write the lines; if filters have changed learn them, and raise `_StaleError` to take all of it back.

        They are judged outside of any transaction: that may take a tenant's filters a second for each event, in which
        nobody else's batch gets one, and the stream of what was committed stands still for everybody.
        """
        inserted, queued = await insert_lines(tx, lines=lines, publish=publish, whole=True)
        if any(one.stale for one in inserted):
            await self._judge.learn(tx, [lines[0].event.tenant_id])
            raise _StaleError
        return inserted, queued

    async def _judged_in_time(
        self, lines: Sequence[Line | Refusal], budget: Budget, until: float
    ) -> list[Line | Refusal]:
        """Return lines with what the filters that are known say of them, as far as the budget goes."""
        judged = list[Line | Refusal]()
        try:
            async with asyncio.timeout_at(until):
                for number, line in enumerate(lines, 1):
                    one = line if isinstance(line, Refusal) else await self._judged_or_refused(line, budget)
                    judged.append(one)
                    if number % TURN == 0 and isinstance(one, Line) and one.verdicts:
                        await asyncio.sleep(0)
        except TimeoutError:
            raise UnavailableError from None
        return judged

    async def _judged_or_refused(self, line: Line, budget: Budget) -> Line | Refusal:
        """Judge a line as one that comes alone, and take what that took from the budget; refuse it if nothing is left.

        One that had less to be judged by would be kept from endpoints that want it.
        """
        if budget.left <= 0:
            return _TOO_LONG
        own = Budget(EVENT_BUDGET)
        judged = await self._judged(line, own)
        budget.left -= EVENT_BUDGET - own.left
        return judged

    async def _judged(self, line: Line, budget: Budget | None = None) -> Line:
        event = line.event
        return replace(line, verdicts=await self._judge.in_turn(event.tenant_id, event.type, event.data, budget))


async def _kept(tx: AsyncConnection, line: Line, kept: Kept) -> EventRecord:
    event = await read_event(tx, tenant_id=line.event.tenant_id, event_id=EventId(kept.made))
    if event is None:
        raise EventGoneError
    return event


def _outcome(
    line: Line, inserted: Inserted, taken: Taken | None, found: dict[EventId, EventRecord]
) -> Accepted | ContentDiffersError | EventGoneError:
    if inserted.made_at is not None or taken is None:
        return Accepted(record_of(line.event, inserted))
    if taken.fingerprint != line.keys[0].fingerprint:
        return ContentDiffersError()
    first = found.get(EventId(taken.made))
    if first is None:
        return EventGoneError()
    return Accepted(first)
