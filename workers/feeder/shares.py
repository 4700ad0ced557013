"""How many tasks of one tenant stand published in a queue: what another tenant's single task may wait for.

A share is what the queue drains in a quarter of a second, as far as this feeder sees it: eight slow tasks, or some
dozens of fast ones, so that workers do not run dry between two turns.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final

from core import clock

LEAST: Final = 8
MOST: Final = 64
SECONDS: Final = 0.25
_WINDOW: Final = 1.0
"""Seconds over which the drain is counted."""


class Shares:
    """What was published to each queue in the last second."""

    def __init__(self) -> None:
        self._turns: Final[deque[tuple[float, Counter[str]]]] = deque()

    def note(self, queues: Iterable[str]) -> None:
        """Count what a turn publishes, each by the queue that it goes to: as much has been started since the last."""
        self._turns.append((clock.monotonic(), Counter(queues)))

    def of_queues(self) -> Mapping[str, int]:
        """Return the share in each queue; in one that is not named it is `LEAST`."""
        since = clock.monotonic() - _WINDOW
        while self._turns and self._turns[0][0] < since:
            self._turns.popleft()
        drained: Counter[str] = Counter()
        for _, turn in self._turns:
            drained.update(turn)
        return {queue: max(LEAST, min(MOST, int(count * SECONDS / _WINDOW))) for queue, count in drained.items()}
