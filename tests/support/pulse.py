"""How long the machine stood still: a thread that wants to run all the time, and notes when it could not.

On a machine that others share a process gets no processor for seconds at times. Who waits three seconds for an answer
meanwhile has waited for the machine, not for the product.
"""

import threading
from typing import Final

from core.clock import monotonic

BEAT: Final = 0.02
NOTED: Final = 0.03
"""Seconds by which a beat has to be late to count: what two busy cores do anyhow is less."""


class Pulse:
    """A pulse that beats until it is closed."""

    def __init__(self) -> None:
        self._gaps: Final[list[tuple[float, float]]] = []
        self._due = monotonic() + BEAT
        self._closing: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def missed(self, since: float, until: float) -> float:
        """Return for how many seconds between two monotonic times it did not beat, up to now."""
        gaps = [*self._gaps, *_late(self._due, monotonic())]
        return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in gaps)

    def close(self) -> None:
        """Beat no more."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(BEAT):
            now = monotonic()
            self._gaps.extend(_late(self._due, now))
            self._due = now + BEAT


def _late(due: float, now: float) -> list[tuple[float, float]]:
    return [(due, now)] if now - due > NOTED else []
