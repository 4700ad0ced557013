"""What a loop goes through: its turns, and seconds in which nothing lets it run."""

import asyncio
from collections.abc import Generator

from core import clock


def stand_still(seconds: float) -> None:
    """Keep the loop's thread busy, as a machine does that is given to somebody else."""
    until = clock.monotonic() + seconds
    while clock.monotonic() < until:
        pass


class Turn:
    """A turn of the loop."""

    def __await__(self) -> Generator[None]:
        yield


async def answer_after(turns: int, *, still: float = 0) -> str:
    """Stand still, and take some turns of the loop after it."""
    await Turn()
    stand_still(still)
    for _ in range(turns):
        await Turn()
    return "there"


class Turns:
    """Counts the turns of the loop, as somebody has them who wants one all the time."""

    def __init__(self) -> None:
        """Begin with the next turn."""
        self.count = 0
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_soon(self._take)

    def _take(self) -> None:
        self.count += 1
        self._next = self._loop.call_soon(self._take)

    def end(self) -> None:
        """Want no more."""
        self._next.cancel()
