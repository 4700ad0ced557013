"""How long the machine stood still: a thread that wants to run all the time, and notes when it could not.

On a machine that others share a process gets no processor for seconds at times. Who waits three seconds for an answer
meanwhile has waited for the machine, not for the product.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Final

import httpx
from tenacity import Retrying, retry_if_exception_type, wait_fixed

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


@contextmanager
def stood_still() -> Generator[Callable[[], float]]:
    """Tell for how many seconds the machine stood still since the block was entered."""
    with closing(Pulse()) as pulse:
        begun = monotonic()
        yield lambda: pulse.missed(begun, monotonic())


@contextmanager
def stopwatch() -> Generator[Callable[[], float]]:
    """Give the seconds since the block was entered, without those in which the machine stood still."""
    with stood_still() as missed:
        begun = monotonic()
        yield lambda: monotonic() - begun - missed()


def promised(look: Callable[[], None], *, within: float) -> None:
    """Look again until it neither raises `AssertionError` nor an HTTP error, for as many seconds as are promised."""
    with stopwatch() as spent:
        retrying = Retrying(
            stop=lambda _: spent() > within,
            wait=wait_fixed(0.05),
            retry=retry_if_exception_type((AssertionError, httpx.HTTPError)),
            reraise=True,
        )
        retrying(look)


def _late(due: float, now: float) -> list[tuple[float, float]]:
    return [(due, now)] if now - due > NOTED else []
