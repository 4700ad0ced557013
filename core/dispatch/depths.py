"""How many messages wait in each queue, looked up now and then by the thread that owns the connection."""

from collections.abc import Mapping
from typing import Final

from kombu import Connection

from core import clock
from core.dispatch.broker import TASK_QUEUES, dead_queue, delivery_queue, depth, task_queue

DEPTHS_AGE: Final = 5.0
"""Seconds that a look is good for: each costs one round trip a queue."""
_QUEUES: Final = (delivery_queue, dead_queue, *(task_queue(name) for name in TASK_QUEUES))


class QueueDepths:
    """What was seen last; nothing while the broker is away."""

    def __init__(self) -> None:
        self._found: Mapping[str, int] = {}
        self._looked_at = -DEPTHS_AGE

    @property
    def found(self) -> Mapping[str, int]:
        """Messages that wait, by the queue's name; safe from any thread."""
        return self._found

    def look(self, connection: Connection) -> None:
        """Look at every queue, if the last look is `DEPTHS_AGE` seconds old; raises what the transport raises."""
        now = clock.monotonic()
        if now - self._looked_at >= DEPTHS_AGE:
            self._found = {str(queue.name): depth(connection, queue) for queue in _QUEUES}
            self._looked_at = now

    def forget(self) -> None:
        """Say nothing until the next look, which is due at once: the broker is away."""
        self._found, self._looked_at = {}, -DEPTHS_AGE
