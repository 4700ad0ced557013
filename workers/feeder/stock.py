"""How many messages wait in the queues of tasks, so that none is published twice while it may still stand there."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from core.dispatch.broker import TASK_QUEUES, queue_name
from core.dispatch.depths import QueueDepths


class Stock:
    """What was seen in each queue last, and what this feeder has published since."""

    def __init__(self, depths: QueueDepths | None) -> None:
        """Know of no message at all, without `depths`."""
        self._depths: Final = depths
        self._found: Mapping[str, int] = {}
        self._since: Counter[str] = Counter()

    def of_queues(self) -> Mapping[str, int]:
        """Return how many messages wait in each queue."""
        if self._depths is None:
            return {}
        found = self._depths.found
        if found is not self._found:  # another look, which saw what was published before
            self._found, self._since = found, Counter()
        return {queue: found.get(queue_name(queue), 0) + self._since[queue] for queue in TASK_QUEUES}

    def note(self, published: Iterable[str]) -> None:
        """Count what goes out now, by the queue that it goes to."""
        self._since.update(published)
