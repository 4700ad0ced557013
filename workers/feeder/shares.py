"""How many tasks of one tenant stand published in a queue: what another tenant's single task may wait for.

All tenants together have what the queue drains in a quarter of a second, and each of them eight at the least: few of
slow tasks, and as many fast ones as keep the workers busy between two turns.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from core import clock

LEAST: Final = 8
MOST: Final = 64
SECONDS: Final = 0.25
_WINDOW: Final = 1.0
"""Seconds over which the drain is counted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A queue at a turn: how many of the tasks that were looked at stood published already, and of how many tenants."""

    standing: int
    tenants: int


class Shares:
    """What each queue has drained in the last second."""

    def __init__(self) -> None:
        self._turns: Final[deque[tuple[float, Counter[str]]]] = deque()
        self._stood: dict[str, int] = {}
        self._tenants: Mapping[str, int] = {}
        self._given: Mapping[str, int] = {}

    def note(self, queues: Mapping[str, Standing], published: Iterable[str]) -> None:
        """Count what is gone since the last turn, and what this one publishes, by the queue that it goes to."""
        drained: Counter[str] = Counter()
        for queue, stood in self._stood.items():
            now = queues.get(queue, Standing(0, 1))
            looked_at = self._given.get(queue, LEAST) * now.tenants  # a smaller share looks at fewer
            drained[queue] = max(0, min(stood, looked_at) - now.standing)
        self._turns.append((clock.monotonic(), drained))
        more = Counter(published)
        self._stood = {queue: one.standing + more[queue] for queue, one in queues.items()}
        self._tenants = {queue: one.tenants for queue, one in queues.items()}

    def of_queues(self) -> Mapping[str, int]:
        """Return the share of each tenant in each queue; in one that is not named it is `LEAST`."""
        since = clock.monotonic() - _WINDOW
        while self._turns and self._turns[0][0] < since:
            self._turns.popleft()
        drained: Counter[str] = Counter()
        for _, turn in self._turns:
            drained.update(turn)
        self._given = {
            queue: max(LEAST, min(MOST, int(count * SECONDS / _WINDOW / self._tenants.get(queue, 1))))
            for queue, count in drained.items()
        }
        return self._given
