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
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.intake.accept import NewEvent
from core.intake.event_queries import Line, insert_events
from core.intake.filter_queries import read_filters
from core.intake.verdicts import Verdict
from core.model.errors import InvalidInputError, UnavailableError
from core.model.filters import Filter, ask, parse_filter
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

    async def line(self, event: NewEvent) -> Line:
        """Return an event with what the filters that are known say of it."""
        return Line(event, await self.verdicts(event.tenant_id, event.type, event.data))

    async def verdicts(self, tenant_id: TenantId, type_: str, data: bytes) -> tuple[Verdict, ...]:
        """Return what the filters that are known say of an event with this `data`, which is JSON."""
        at_once = self.at_once(tenant_id, type_, data)
        return await asyncio.to_thread(_judge, self._asked(tenant_id, type_), data) if at_once is None else at_once

    def at_once(self, tenant_id: TenantId, type_: str, data: bytes) -> tuple[Verdict, ...] | None:
        """Return the same, or `None` if that takes so long that a thread should do it."""
        if not self._known.get(tenant_id):
            return ()
        asked = self._asked(tenant_id, type_)
        light = (len(data) + EACH) * len(asked) < HEAVY and all(one.filter is None or one.filter.light for one in asked)
        return _judge(asked, data) if light else None

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


def _judge(asked: Sequence[_Filtered], data: bytes) -> tuple[Verdict, ...]:
    """Ask each filter once, however many endpoints have it."""
    if not asked:
        return ()
    value: JsonValue = msgspec.json.decode(data)
    said = ask({one.text: one.filter for one in asked if one.filter is not None}, value)
    return tuple(Verdict(one.endpoint_id, one.version, said.get(one.text, False)) for one in asked)


async def accept_events(
    tx: AsyncConnection, *, judge: Judge, events: Sequence[NewEvent], publish: bool
) -> tuple[Queued, ...]:
    """Record events and fan them out, in the engine's role; return what is due, to publish after the commit.

    Before the last try the filters are held, so that changing them all the time holds nothing up. Raises
    `UnavailableError` if new ones come faster than they are judged.
    """
    for tries in range(1, TRIES + 1):
        lines = [await judge.line(event) for event in events]
        inserted, queued = await insert_events(tx, lines=lines, publish=publish, whole=True)
        if not any(one.stale for one in inserted):
            return queued
        await judge.learn(tx, [event.tenant_id for event in events], hold=tries == TRIES - 1)
    raise UnavailableError
