"""Celery's soft time limit, heard where an event loop would swallow it.

Celery tells a child of it by a signal whose handler raises in whatever runs just then. uvloop hands what is raised
between two of its callbacks to nobody; and what is raised while a run is being recorded would lose its end.
"""

import signal
from collections.abc import Generator
from contextlib import contextmanager

from billiard.exceptions import SoftTimeLimitExceeded


class SoftLimit:
    """Raises in the task's own code alone: what comes while that waits for a loop is raised once the loop is done."""

    def __init__(self) -> None:
        self._raises = False
        self._heard = False

    def listen(self) -> None:
        """Listen for a new run, in the main thread; what came before was about another one."""
        self._heard = False
        signal.signal(signal.SIGUSR1, self._on_signal)

    @contextmanager
    def told(self) -> Generator[None]:
        """Raise `SoftTimeLimitExceeded` in what runs within: the task's own code."""
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    @contextmanager
    def held_back(self) -> Generator[None]:
        """Raise it after what runs within, an event loop, if it came meanwhile."""
        raises, self._raises = self._raises, False
        try:
            yield
        finally:
            self._raises = raises
        if raises and self._heard:
            self._heard = False
            raise SoftTimeLimitExceeded

    def _on_signal(self, *_: object) -> None:
        if self._raises:
            raise SoftTimeLimitExceeded
        self._heard = True


SOFT_LIMIT = SoftLimit()
"""The one of this process: it runs one task at a time."""
