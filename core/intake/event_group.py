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

from core import fail_points
from core.database import AnyConnection, Database
from core.dispatch.publish import Publisher
from core.intake.accept_queries import insert_lines
from core.intake.event_key_queries import Taken, read_keys
from core.intake.event_queries import Inserted, Line, find_accepted
from core.intake.shared import BACKLOG, BACKLOG_BYTES, Shared, look_again
from core.model.queued import Queued

FLUSHERS: Final = 2
"""Groups that may run at a time: one that waits for a key, or for a slow disk, does not hold up the next."""

_log: Final = structlog.stdlib.get_logger()


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a line; `taken` says who holds its key, if another one does."""

    inserted: Inserted
    taken: Taken | None = None


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

    async def record(self, line: Line) -> Outcome | None:
        """Return what became of an event, once that is committed; `None` if it has to be tried alone.

        Raises `UnavailableError` if too much waits already, and what the store raises if it is away.
        """
        return await self._shared.add(line)

    async def _run(self, group: Sequence[Line]) -> Sequence[Outcome | None]:
        publish = self._publisher.ready
        try:
            outcomes, queued = await self._commit(group, publish=publish)
        except Exception as error:  # noqa: BLE001 - it is judged there
            _log.warning("accept.group_failed", size=len(group), error=type(error).__name__)
            found = await look_again(partial(self._find, [line.event.id for line in group]), error)
            return [None if one is None else Outcome(one) for one in (found.get(line.event.id) for line in group)]
        if publish:
            self._publisher.deliveries(queued)
        return outcomes

    async def _commit(self, group: Sequence[Line], *, publish: bool) -> tuple[list[Outcome | None], tuple[Queued, ...]]:
        async with self._database.statement() as tx:
            inserted, queued = await insert_lines(tx, lines=group, publish=publish, whole=False)
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


async def read_taken(tx: AnyConnection, lines: Sequence[Line], inserted: Sequence[Inserted]) -> dict[int, Taken]:
    """Return who holds the keys of the lines that lost theirs, by the place of the line."""
    lost = [
        (number, (line.event.tenant_id, line.key))
        for number, (line, one) in enumerate(zip(lines, inserted, strict=True))
        if line.key is not None and one.made_at is None and not one.stale
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
