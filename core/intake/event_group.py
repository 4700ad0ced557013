"""Events that come while a transaction runs share the next one.

```
accept ──► waiting ──► one statement: keys, events, deliveries ──► made, or stale, or its key is taken, after the commit
                           └── the group failed, or a key is too old ──► `None`: the caller runs it alone
```
The ID of an event is made before its first run and kept, so that after a lost connection the group first looks what is
there; its deliveries are then left to the feeder.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.exc import DBAPIError

from core import clock, fail_points
from core.database import AnyConnection, Database, is_taken
from core.dispatch.publish import Publisher
from core.intake.accept_queries import LOST, insert_lines
from core.intake.event_key_queries import Taken, read_keys
from core.intake.event_queries import Inserted, Line, find_accepted
from core.intake.shared import BACKLOG, BACKLOG_BYTES, Answer, Shared, look_again
from core.intake.wide import Wide
from core.model.queued import Queued

FLUSHERS: Final = 2
"""Groups that may run at a time: one that waits for a key, or for a slow disk, does not hold up the next."""

AT_ONCE: Final = FLUSHERS + 1
"""Connections that this takes: one more for events that go to many."""

PAIR: Final = 2
"""Keys of a line whose request has one and whose client gave it an ID."""
TRIES: Final = 3
"""Times that a group runs whose keys are taken under its hands, before each of its lines runs alone."""

SOON: Final = 0.5
"""Seconds in which a group has to fail for its lines to be tried alone: a refusal is promised within three.

More than a statement of a group waits for a lock (`core.direct`): who holds one key must not have all refused.
"""

_log: Final = structlog.stdlib.get_logger()


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a line; `taken` says who holds its key, if another one does."""

    inserted: Inserted
    taken: Taken | None = None
    late: bool = False
    """Whether its group failed so late that there is no time to try it alone."""


_Done = tuple[list[Outcome | None], tuple[Queued, ...]]


class EventGroups:
    """Records events in shared transactions, and hands their deliveries to the publisher once they are committed."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        *,
        backlog: int = BACKLOG,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._shared: Final = Shared[Line, Outcome | None](
            self._run, weigh=_weight, backlog=backlog, backlog_bytes=backlog_bytes, flushers=FLUSHERS
        )
        self._wide: Final = Wide[Outcome | None](self._run, _weight)

    async def record(self, line: Line) -> Outcome | None:
        """Return what became of an event, once that is committed; `None` if it has to be tried alone.

        Raises `UnavailableError` if too much waits already, and what the store raises if it is away.
        """
        return await self._queue_of(line).add(line)

    def put(self, line: Line, answer: Answer[Outcome | None]) -> None:
        """Do the same for somebody who is told instead; see `Shared.put`."""
        self._queue_of(line).put(line, answer)

    def _queue_of(self, line: Line) -> Shared[Line, Outcome | None]:
        return self._wide.queue_of(line) or self._shared

    def _learn(self, group: Sequence[Line], outcomes: Sequence[Outcome | None]) -> None:
        """Keep how many the events went to that were made."""
        for line, outcome in zip(group, outcomes, strict=True):
            if outcome is not None and outcome.inserted.made_at is not None:
                self._wide.learn(line, outcome.inserted.deliveries)

    async def _run(self, group: Sequence[Line]) -> Sequence[Outcome | None]:
        publish, began = self._publisher.ready, clock.monotonic()
        try:
            outcomes, queued = await self._commit_whole(group, publish=publish)
        except Exception as error:  # noqa: BLE001 - it is judged there
            _log.warning("accept.group_failed", size=len(group), error=type(error).__name__)
            found = await look_again(partial(self._find, [line.event.id for line in group]), error)
            other = Outcome(LOST, late=True) if clock.monotonic() - began > SOON else None
            return [other if one is None else Outcome(one) for one in (found.get(line.event.id) for line in group)]
        if publish:
            self._publisher.deliveries(queued)
        self._learn(group, outcomes)
        return outcomes

    async def _commit_whole(self, group: Sequence[Line], *, publish: bool) -> _Done:
        """Commit a group; again if one of the two keys of a line was taken while the statement ran."""
        for _ in range(TRIES - 1):
            try:
                return await self._commit(group, publish=publish)
            except DBAPIError as error:
                if not is_taken(error):
                    raise
        return await self._commit(group, publish=publish)

    async def _commit(self, group: Sequence[Line], *, publish: bool) -> _Done:
        async with self._database.statement() as tx:
            inserted, queued = await _insert(tx, group, publish=publish)
            taken = await read_taken(tx, group, inserted)
            if fail_points.reached is not None:
                fail_points.reached("accept.inserted")
        if fail_points.reached is not None:
            fail_points.reached("accept.committed")
        outcomes = (Outcome(one, taken.get(number)) for number, one in enumerate(inserted))
        return [one if _is_clear(one) else None for one in outcomes], queued

    async def _find(self, ids: Sequence[UUID]) -> dict[UUID, Inserted]:
        async with self._database.engine() as tx:
            return await find_accepted(tx, ids=ids)


async def _insert(
    tx: AnyConnection, group: Sequence[Line], *, publish: bool
) -> tuple[Sequence[Inserted], tuple[Queued, ...]]:
    late = _late(group)
    lines = [line for line in group if line.event.id not in late] if late else group
    inserted, queued = await insert_lines(tx, lines=lines, publish=publish, whole=False)
    if not late:
        return inserted, queued
    rest = iter(inserted)
    return [LOST if line.event.id in late else next(rest) for line in group], queued


def _late(group: Sequence[Line]) -> frozenset[UUID]:
    """Return the events of lines with two keys that share one with a line before them: these have lost already."""
    if all(len(line.keys) < PAIR for line in group):
        return frozenset()
    seen, late = set[tuple[UUID, str, str]](), set[UUID]()
    for line in group:
        keys = [(line.event.tenant_id, key.kind, key.key) for key in line.keys]
        if len(keys) == PAIR and not seen.isdisjoint(keys):
            late.add(line.event.id)
        else:
            seen.update(keys)
    return frozenset(late)


async def read_taken(tx: AnyConnection, lines: Sequence[Line], inserted: Sequence[Inserted]) -> dict[int, Taken]:
    """Return who holds the first key of each line that lost one, by the place of the line."""
    lost = [
        (number, (line.event.tenant_id, line.keys[0]))
        for number, (line, one) in enumerate(zip(lines, inserted, strict=True))
        if line.keys and one.made_at is None and not one.stale
    ]
    if not lost:
        return {}
    taken = await read_keys(tx, keys=[key for _, key in lost])
    return {number: one for (number, _), one in zip(lost, taken, strict=True) if one is not None}


def _is_clear(outcome: Outcome) -> bool:
    """Tell whether there is nothing left to try: a key whose holder has gone, or is too old, is tried again alone."""
    inserted, taken = outcome.inserted, outcome.taken
    return inserted.made_at is not None or inserted.stale or (taken is not None and not taken.expired)


def _weight(line: Line) -> int:
    return len(line.event.data)
