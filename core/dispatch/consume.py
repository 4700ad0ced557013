"""Messages become names of deliveries: one thread owns the connection and acknowledges.

A message that is none of ours is rejected, which sets it aside in the dead-letter queue.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import structlog
from kombu import Connection
from kombu.message import Message

from core.dispatch.broker import declare_all, delivery_queue, open_connection
from core.dispatch.messages import MalformedMessageError, read_batch
from core.model.queued import Queued

PREFETCH: Final = 200
RETRY_PAUSE: Final = 1.0
_TICK: Final = 0.05

_log: Final = structlog.stdlib.get_logger()
Offer = Callable[[Sequence[Queued], Callable[[], None]], None]


class DeliveryConsumer:
    """A thread that hands over what the window brings.

    `offer` is called in this thread with what a message names, and with what to call, from any thread, once each of
    them is decided: the message is acknowledged then.
    """

    def __init__(self, broker_url: str, offer: Offer) -> None:
        self._url: Final = broker_url
        self._offer: Final = offer
        self._decided: Final[queue.SimpleQueue[tuple[Connection, Message]]] = queue.SimpleQueue()
        self._thread: Final = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._stopping: Final = threading.Event()

    def start(self) -> None:
        """Start the thread; it connects by itself and connects again."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, and acknowledge what is decided; the broker gives the rest to another."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with open_connection(self._url) as connection:
                    self._serve(connection)
            except Exception as error:  # noqa: BLE001 - whatever a transport raises, this thread goes on
                _log.warning("consume.disconnected", error=type(error).__name__, detail=str(error)[:300])
                self._stopping.wait(RETRY_PAUSE)

    def _serve(self, connection: Connection) -> None:
        declare_all(connection)
        consumer = connection.Consumer(
            [delivery_queue],
            callbacks=[partial(self._receive, connection)],
            on_decode_error=_set_aside,
            accept=["json"],
            prefetch_count=PREFETCH,
        )
        with consumer:
            while not self._stopping.is_set():
                with suppress(TimeoutError):
                    connection.drain_events(timeout=_TICK)
                self._acknowledge(connection)
                if connection.supports_heartbeats:
                    connection.heartbeat_check()
            self._acknowledge(connection)

    def _acknowledge(self, present: Connection) -> None:
        while not self._decided.empty():
            connection, message = self._decided.get_nowait()
            if connection is present:  # what came over a lost one comes again by itself
                message.ack()

    def _receive(self, connection: Connection, body: object, message: Message) -> None:
        try:
            batch = read_batch(body)
        except MalformedMessageError as error:
            _set_aside(message, error)
            return
        self._offer(batch.queued(), lambda: self._decided.put((connection, message)))


def _set_aside(message: Message, error: Exception) -> None:
    """Reject what cannot be read: it would come again for ever, and break the connection each time."""
    _log.warning("consume.malformed", size=len(message.body or b""), error=type(error).__name__)
    message.reject()
