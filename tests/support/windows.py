"""The window from outside: messages put into it by hand, and what a consumer takes out of it."""

import queue
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from core.dispatch.broker import declare_all, delivery_queue, open_connection
from core.dispatch.consume import DeliveryConsumer
from core.model.queued import Queued

Decide = Callable[[], None]


def put(url: str, body: bytes, *, content_type: str = "application/json") -> None:
    """Publish these bytes to the delivery queue."""
    with open_connection(url) as connection:
        declare_all(connection)
        connection.Producer().publish(
            body,
            exchange=delivery_queue.exchange,
            routing_key=delivery_queue.routing_key,
            content_type=content_type,
            content_encoding="utf-8",
        )


class Taken:
    """What a consumer handed over."""

    def __init__(self) -> None:
        self._messages: queue.Queue[tuple[Sequence[Queued], Decide]] = queue.Queue()

    def offer(self, queued: Sequence[Queued], decided: Decide) -> None:
        """Take in a message; called in the consumer's thread."""
        self._messages.put((queued, decided))

    def next(self, *, decide: bool = True) -> Sequence[Queued]:
        """Wait for the next message, and decide it."""
        queued, decided = self._messages.get(timeout=60)
        if decide:
            decided()
        return queued


@contextmanager
def consuming(url: str) -> Generator[Taken]:
    """Run a consumer."""
    taken = Taken()
    consumer = DeliveryConsumer(url, taken.offer)
    consumer.start()
    try:
        yield taken
    finally:
        consumer.stop()
