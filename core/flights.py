"""Reads that many ask for at once: they share one, and never an answer that is older than their question.

```
asked ──► flies at once                       asked while it flies ──► the next flight, which all these share
```
A thousand who wait for one task cost two reads when it changes, and not a thousand connections.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Reads of one kind, by what they read."""

    def __init__(self) -> None:
        self._flying: Final[dict[Hashable, asyncio.Task[T]]] = {}
        self._next: Final[dict[Hashable, asyncio.Task[T]]] = {}

    async def share(self, key: Hashable, read: Callable[[], Coroutine[None, None, T]]) -> T:
        """Return what `read` gives, begun after this call; raise what it raises.

        A caller that is cancelled takes nothing from those beside it.
        """
        flight = self._next.get(key)
        if flight is None:
            flight = self._next[key] = asyncio.create_task(self._fly(key, self._flying.get(key), read))
            flight.add_done_callback(_look_at)
        return await asyncio.shield(flight)

    async def _fly(
        self, key: Hashable, before: asyncio.Task[T] | None, read: Callable[[], Coroutine[None, None, T]]
    ) -> T:
        if before is not None:
            await asyncio.wait([before])
        flight = self._flying[key] = self._next.pop(key)
        try:
            return await read()
        finally:
            if self._flying.get(key) is flight:
                del self._flying[key]


def _look_at(flight: asyncio.Task[T]) -> None:
    """Take note of an error: if all who asked have gone, asyncio would log that nobody did."""
    if not flight.cancelled():
        flight.exception()
