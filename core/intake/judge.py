"""Filters are judged here, from what is remembered of a tenant's endpoints; Postgres says whether that is still so.

```
events ──► verdicts of the filters that are known ──► the statement compares their versions ──► written
                        ▲                                      │ a filter is new, or has changed
                        └────────── learn the filters ◄────────┘
```
A tenant without filters costs no read at all, and one whose filters stay as they are costs none either: what is
remembered has no term, because whatever is wrong with it is found out before anything is written.
"""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.intake.accept import NewEvent
from core.intake.event_queries import Line, insert_events
from core.intake.filter_queries import read_filters
from core.intake.verdicts import Verdict
from core.model.counted import Budget
from core.model.errors import InvalidInputError, UnavailableError
from core.model.filters import EVENT_BUDGET, Filter, ask, parse_filter
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.model.matching import reaches_unfiltered, subscriptions_of
from core.model.queued import Queued

TRIES: Final = 5
"""Times that an event is judged before its sender is told to try again: filters do not change that fast."""
HEAVY: Final = 16 * 1024
"""Bytes of data times filters from which on a thread judges, so that nobody else waits for it.

What is not light is judged there in any case: a query may look at each value many times.
"""
EACH: Final = 256
"""Bytes that a filter counts for beside the data: it takes some 20 µs however little there is to look at."""
THREADS: Final = 4
"""Threads of their own, that judge: what else is done in threads does not wait for filters."""
_REMEMBERED: Final = 1_000
"""Tenants whose filters are remembered."""


@dataclass(frozen=True, slots=True)
class _Filtered:
    endpoint_id: UUID
    version: int
    event_types: frozenset[str]
    text: str
    filter: Filter | None

    def matches(self, patterns: Sequence[str], *, unfiltered: bool) -> bool:
        return not self.event_types.isdisjoint(patterns) if self.event_types else unfiltered


class Judge:
    """Remembers filters of endpoints, and says what they think of events."""

    def __init__(self) -> None:
        self._known: Final[dict[UUID, tuple[_Filtered, ...]]] = {}
        self._turns: Final = WeakValueDictionary[UUID, asyncio.Lock]()
        self._threads: Final = ThreadPoolExecutor(THREADS, "judge")

    async def line(self, event: NewEvent) -> Line:
        """Return an event with what the filters that are known say of it."""
        return Line(event, await self.verdicts(event.tenant_id, event.type, event.data))

    async def lines(self, events: Sequence[NewEvent], budget: Budget) -> list[Line]:
        """Return events that are recorded together with what the filters that are known say of them.

        Those that a thread has to judge share the budget; whatever one takes, it leaves the others their share.
        """
        found = [self.at_once(one.tenant_id, one.type, one.data) for one in events]
        heavy, lines = found.count(None), list[Line]()
        for event, at_once in zip(events, found, strict=True):
            if at_once is not None:
                lines.append(Line(event, at_once))
                continue
            given = budget.left // heavy
            share = Budget(given)
            lines.append(Line(event, await self.verdicts(event.tenant_id, event.type, event.data, share)))
            budget.left -= given - share.left
            heavy -= 1
        return lines

    async def verdicts(
        self, tenant_id: TenantId, type_: str, data: bytes, budget: Budget | None = None
    ) -> tuple[Verdict, ...]:
        """Return what the filters that are known say of an event with this `data`, which is JSON.

        They look at as many values as `budget` has, which is `EVENT_BUDGET` unless told.
        """
        at_once = self.at_once(tenant_id, type_, data, budget)
        if at_once is not None:
            return at_once
        loop, asked = asyncio.get_running_loop(), self._asked(tenant_id, type_)
        return await loop.run_in_executor(self._threads, _judge, asked, data, budget)

    async def in_turn(
        self, tenant_id: TenantId, type_: str, data: bytes, budget: Budget | None = None
    ) -> tuple[Verdict, ...]:
        """Do as `verdicts`, of each tenant one at a time: for what any number of requests may ask, in no transaction.

        A thread goes on where its request is given up: the tenant's next one begins once it has ended.
        """
        at_once = self.at_once(tenant_id, type_, data, budget)
        if at_once is not None:
            return at_once
        turn = self._turns.setdefault(tenant_id, asyncio.Lock())
        await turn.acquire()
        judging = asyncio.ensure_future(self.verdicts(tenant_id, type_, data, budget))
        judging.add_done_callback(lambda _: turn.release())
        return await asyncio.shield(judging)

    def at_once(
        self, tenant_id: TenantId, type_: str, data: bytes, budget: Budget | None = None
    ) -> tuple[Verdict, ...] | None:
        """Return the same, or `None` if that takes so long that a thread should do it."""
        if not self._known.get(tenant_id):
            return ()
        asked = self._asked(tenant_id, type_)
        light = (len(data) + EACH) * len(asked) < HEAVY and all(one.filter is None or one.filter.light for one in asked)
        return _judge(asked, data, budget) if light else None

    def _asked(self, tenant_id: TenantId, type_: str) -> list[_Filtered]:
        patterns, unfiltered = subscriptions_of(type_), reaches_unfiltered(type_)
        return [one for one in self._known.get(tenant_id, ()) if one.matches(patterns, unfiltered=unfiltered)]

    async def learn(self, tx: AsyncConnection, tenants: Sequence[UUID], *, hold: bool = False) -> None:
        """Read the filters of these tenants anew, in the engine's role; let none change meanwhile, if they are held."""
        if len(self._known) + len(tenants) > _REMEMBERED:
            self._known.clear()
        found: dict[UUID, list[_Filtered]] = {tenant_id: [] for tenant_id in tenants}
        for row in await read_filters(tx, tenants=list(found), hold=hold):
            text = json.dumps(row.filter, sort_keys=True)
            one = _Filtered(row.id, row.filter_version, frozenset(row.event_types), text, _parsed(row.filter))
            found[row.tenant_id].append(one)
        self._known.update({tenant_id: tuple(filtered) for tenant_id, filtered in found.items()})


def _parsed(value: JsonValue) -> Filter | None:
    try:
        return parse_filter(value)
    except InvalidInputError:  # one that an earlier version took: it selects nothing
        return None


def _judge(asked: Sequence[_Filtered], data: bytes, budget: Budget | None) -> tuple[Verdict, ...]:
    """Ask each filter once, however many endpoints have it."""
    if not asked:
        return ()
    value: JsonValue = msgspec.json.decode(data)
    said = ask({one.text: one.filter for one in asked if one.filter is not None}, value, budget)
    return tuple(Verdict(one.endpoint_id, one.version, said.get(one.text, False)) for one in asked)


async def accept_events(
    tx: AsyncConnection, *, judge: Judge, events: Sequence[NewEvent], publish: bool
) -> tuple[Queued, ...]:
    """Record events and fan them out, in the engine's role; return what is due, to publish after the commit.

    Filters are judged inside of the caller's transaction, in which everybody else's stream stands still: so all events
    share what those of one may look at. Before the last try, and once that is used up, the filters are held, so that
    changing them all the time holds nothing up. Raises `UnavailableError` if new ones come faster than they are judged.
    """
    left = EVENT_BUDGET
    for tries in range(1, TRIES + 1):
        budget = Budget(EVENT_BUDGET)
        lines = await judge.lines(events, budget)
        inserted, queued = await insert_events(tx, lines=lines, publish=publish, whole=True)
        if not any(one.stale for one in inserted):
            return queued
        left -= EVENT_BUDGET - budget.left
        await judge.learn(tx, [event.tenant_id for event in events], hold=tries == TRIES - 1 or left <= 0)
    raise UnavailableError
