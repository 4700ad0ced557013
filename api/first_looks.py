"""The first look of each who pulls: a few of a tenant at a time, and one that finds nothing counts for all who wait.

```
pull ──► AT_ONCE of a tenant look ──► found something: theirs
   └───► the others wait ──► one that began after they asked found nothing ──► neither would they
```
Hundreds of workers that come at once, as after a restart, leave the connections to others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from uuid import UUID

from core.database import CONNECT_TIMEOUT
from core.lease.claim import Puller

T = TypeVar("T")
AT_ONCE: Final = 4


@dataclass(slots=True)
class _Line:
    """Those of a tenant who look, or wait for that."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    here: int = 0
    begun: int = 0
    """How many looks have begun: each is known by its number."""
    vain: dict[Puller, int] = field(default_factory=dict[Puller, int])
    """The last one that found nothing."""


class FirstLooks:
    """The lines of one process."""

    def __init__(self) -> None:
        self._lines: Final[dict[UUID, _Line]] = {}

    async def look(self, who: Puller, wait: float, work: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T]:
        """Return what `work` finds, or nothing if that is known; what it raises is its own.

        Raises `TimeoutError` if its turn does not come for as long as it would wait, or a connection may take.
        """
        line = self._lines.setdefault(who.tenant_id, _Line())
        asked, line.here = line.begun, line.here + 1
        try:
            async with asyncio.timeout(max(wait, CONNECT_TIMEOUT)):
                await line.turns.acquire()
            try:
                return await _look(line, who, asked, work)
            finally:
                line.turns.release()
        finally:
            line.here -= 1
            if not line.here:
                del self._lines[who.tenant_id]


async def _look(line: _Line, who: Puller, asked: int, work: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T]:
    if line.vain.get(who, 0) > asked:
        return ()
    line.begun += 1
    begun = line.begun
    found = await work()
    if not found:
        line.vain[who] = max(begun, line.vain.get(who, 0))
    return found
