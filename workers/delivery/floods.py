"""How long answers that flood wait between two reads: all of a process together cost what one may cost."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

FLOOD_READ: Final = 4 * 1024
FLOOD_PAUSE: Final = 0.1
"""Seconds between two reads of one answer: the least."""
FLOOD_EACH: Final = 0.005
"""Seconds for each answer that waits: 4 KiB of interim answers take some 0.2 ms to parse, all of them 5 % of a core."""


class Floods:
    """How many answers that flood wait for their next read."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._waiting = 0

    def begin(self) -> float:
        """Count one that waits, and return for how many seconds it has to."""
        self._waiting += 1
        return max(FLOOD_PAUSE, self._waiting * FLOOD_EACH)

    def end(self) -> None:
        """Count one less: its time is over, or it waits no more."""
        self._waiting -= 1

    @contextmanager
    def pause(self) -> Generator[float]:
        """Count one that waits inside, for so many seconds."""
        seconds = self.begin()
        try:
            yield seconds
        finally:
            self.end()
