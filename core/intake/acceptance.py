"""Accept events of clients: checked, committed, then published.

```
EventWish ──► check ──► judge filters ──► the group's statement ──► made ─────────────────────────► the event
                            ▲                    ├── stale: learn the filters, and again
                            └────────────────────┘
                                                 ├── its key is taken: same content ──────────────► the first event
                                                 │                     other content ─────────────► 409 or 422
                                                 └── a key is too old, or the group failed: alone
```
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from core import clock, patience
from core.database import Database
from core.dispatch.publish import Publisher
from core.intake.dedupe import KeyReusedError, RequestKey, look
from core.intake.event_group import EventGroups, Outcome
from core.intake.event_key_queries import Taken, read_keys
from core.intake.event_queries import REQUEST, EventKey, Line
from core.intake.judge import TRIES, Judge
from core.intake.outcomes import Accepted, ContentDiffersError, EventGoneError, Refusal
from core.intake.schemas import Budget, Schemas
from core.intake.shared import BACKLOG_BYTES, REFUSED_WITHIN, Answer, Room
from core.intake.together import Together, record_of
from core.intake.wish import EventWish, line_of
from core.journal.event_queries import read_event
from core.model.errors import InvalidInputError, UnavailableError
from core.model.ids import EventId, TenantId

BATCHES: Final = 200
"""Batches that may be under way, half of them one tenant's: with five transactions at a time a hundred wait a second or
two at the worst."""


class Acceptance:
    """Takes events in."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        judge: Judge,
        schemas: Schemas,
        *,
        batches: int = BATCHES,
        batch_bytes: int = BACKLOG_BYTES,
        within: float = REFUSED_WITHIN,
    ) -> None:
        """Take nothing in yet; so many batches, of so many bytes in all, may be under way at a time.

        An event is refused after `within` seconds, all that is asked for it before and after its commit included.
        """
        self._room: Final = Room(count=batches, size=batch_bytes)
        self._within: Final = within
        self._database: Final = database
        self._schemas: Final = schemas
        self._judge: Final = judge
        self._groups: Final = EventGroups(database, publisher)
        self._together: Final = Together(database, publisher, judge)

    async def accept(self, tenant_id: TenantId, wish: EventWish, *, key: RequestKey | None = None) -> Accepted:
        """Record an event and return it once it is committed; a key or a client's ID gives back the one that is there.

        Raises `InvalidInputError` for a type that is the platform's own and for data that does not fit the schema of
        its type, unless it was accepted before that; `ContentDiffersError` for an ID of another event,
        `KeyReusedError` for a key of another request, `UnavailableError` if too much waits already, `TimeoutError` if
        the store takes too long.
        """
        return await patience.within(self._within, self._accept(tenant_id, wish, key))

    async def _accept(self, tenant_id: TenantId, wish: EventWish, key: RequestKey | None) -> Accepted:
        line = line_of(tenant_id, wish, self._database.unix_seconds())
        problems = await self._schemas.problems(tenant_id, wish)
        if problems and not await self._is_known(line, key):
            raise InvalidInputError(*problems)
        outcome = await self._record(line if key is None else _with_request(line, key))
        return await self._settled(line, key, outcome)

    def begin(
        self, tenant_id: TenantId, wish: EventWish, key: RequestKey | None, answer: Answer[Outcome | None]
    ) -> Line | None:
        """Record an event for somebody who is told the outcome, which `settled` makes an answer of.

        Returns the event's line, without the request's key; `None` if nothing was begun, as something has to be asked
        first: `accept` does. Raises `InvalidInputError` and `UnavailableError` as that.
        """
        verdicts = self._judge.at_once(tenant_id, wish.type, wish.data)
        if verdicts is None or not self._schemas.has_none(tenant_id, wish.type):
            return None
        line = line_of(tenant_id, wish, self._database.unix_seconds())
        judged = replace(line, verdicts=verdicts) if verdicts else line
        self._groups.put(judged if key is None else _with_request(judged, key), answer)
        return line

    async def settled(self, line: Line, key: RequestKey | None, outcome: Outcome | None, *, since: float) -> Accepted:
        """Return the event of a line whose group has run, its own or the first one with its keys; as `accept`.

        `since` is the monotonic time at which its request was there as a whole.
        """
        left = since + self._within - clock.monotonic()
        return await patience.within(left, self._settled(line, key, outcome))

    async def _settled(self, line: Line, key: RequestKey | None, outcome: Outcome | None) -> Accepted:
        if outcome is not None and outcome.inserted.stale:
            await self._learn(line)
            outcome = await self._record(line if key is None else _with_request(line, key))
        if outcome is None:
            return await self._together.one(line, key)
        if outcome.late:
            raise UnavailableError
        if outcome.inserted.made_at is not None:
            return Accepted(record_of(line.event, outcome.inserted))
        return await self._found(line, key, outcome.taken)

    async def accept_all(
        self, tenant_id: TenantId, wishes: Sequence[EventWish | Refusal], *, key: RequestKey | None = None
    ) -> tuple[list[Accepted | Refusal], bool]:
        """Record a batch in its order; return what became of each line, and whether it was answered before.

        Raises `KeyReusedError` for a key of another request, `UnavailableError` if too much is under way already.
        """
        with self._room.take(tenant_id, sum(len(wish.data) for wish in wishes if isinstance(wish, EventWish))):
            now, budget = self._database.unix_seconds(), Budget()
            lines = [await self._line_or_refusal(tenant_id, wish, now, key, budget) for wish in wishes]
            return await self._together.many(lines, key)

    async def _line_or_refusal(
        self, tenant_id: TenantId, wish: EventWish | Refusal, now: float, key: RequestKey | None, budget: Budget
    ) -> Line | Refusal:
        if isinstance(wish, Refusal):
            return wish
        try:
            line = line_of(tenant_id, wish, now)
        except InvalidInputError as error:
            return Refusal.of(error)
        problems = await self._schemas.problems(tenant_id, wish, budget)
        return line if not problems or await self._is_known(line, key) else Refusal.of(InvalidInputError(*problems))

    async def _is_known(self, line: Line, key: RequestKey | None) -> bool:
        """Tell whether an event was accepted before, when its type had another schema: it gets its answer again."""
        if not line.keys and key is None:
            return False
        async with self._database.engine() as tx:
            if key is not None and await look(tx, key) is not None:
                return True
            held = await read_keys(tx, keys=[(line.event.tenant_id, one) for one in line.keys])
            return any(one is not None and not one.expired for one in held)

    async def _record(self, line: Line) -> Outcome | None:
        """Record an event in a shared transaction; its filters are judged again if they have changed."""
        for _ in range(TRIES):
            event = line.event
            verdicts = await self._judge.in_turn(event.tenant_id, event.type, event.data)
            outcome = await self._groups.record(replace(line, verdicts=verdicts))
            if outcome is None or not outcome.inserted.stale:
                return outcome
            await self._learn(line)
        raise UnavailableError

    async def _learn(self, line: Line) -> None:
        async with self._database.engine() as tx:
            await self._judge.learn(tx, [line.event.tenant_id])

    async def _found(self, line: Line, key: RequestKey | None, taken: Taken | None) -> Accepted:
        if taken is None:
            raise UnavailableError
        mine = line.keys[0] if key is None else key
        if taken.fingerprint != mine.fingerprint:
            raise ContentDiffersError if key is None else KeyReusedError
        tenant_id = line.event.tenant_id
        async with self._database.tenant(tenant_id) as tx:
            event = await read_event(tx, tenant_id=tenant_id, event_id=EventId(taken.made))
        if event is None:
            raise EventGoneError
        return Accepted(event, replayed=key is not None)


def _with_request(line: Line, key: RequestKey) -> Line:
    return replace(line, keys=(EventKey(REQUEST, key.key, key.fingerprint), *line.keys))
