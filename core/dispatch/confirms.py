"""Publisher confirms for many messages at once (RabbitMQ: https://www.rabbitmq.com/docs/confirms).

py-amqp's own way waits for each message, a round trip apiece. Here a channel counts what it sent, as the broker does,
and waits once until each number is confirmed.
"""

from collections.abc import Callable
from typing import Final, Protocol, cast

import structlog
from amqp.exceptions import MessageNacked
from kombu import Connection

TIMEOUT: Final = 5.0

_log: Final = structlog.stdlib.get_logger()
_Listeners = dict[str, set[Callable[..., None]]]


class _Channel(Protocol):
    """What of py-amqp's channel is needed; it has no types of its own."""

    events: _Listeners

    def confirm_select(self) -> None: ...


class Confirms:
    """What one channel has sent and the broker has not confirmed yet; one thread's alone."""

    def __init__(self, connection: Connection, channel: object) -> None:
        """Turn confirms on; the channel must not have published anything, and its connection not wait by itself."""
        self._connection: Final = connection
        self._sent = 0
        self._open: Final[set[int]] = set()
        self._nacked = 0
        known = cast("_Channel", channel)
        known.confirm_select()
        known.events["basic_ack"].add(self._on_ack)
        known.events["basic_nack"].add(self._on_nack)
        known.events["basic_return"].add(self._on_return)

    def sent(self) -> None:
        """Count a message that was just sent: its delivery tag is the next number."""
        self._sent += 1
        self._open.add(self._sent)

    def wait(self) -> None:
        """Return once all is confirmed; raise `MessageNacked` if a queue refused one, `TimeoutError` after 5 s."""
        while self._open:
            self._connection.drain_events(timeout=TIMEOUT)
        nacked, self._nacked = self._nacked, 0
        if nacked:
            raise MessageNacked

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        if multiple:
            self._open.difference_update([tag for tag in self._open if tag <= delivery_tag])
        else:
            self._open.discard(delivery_tag)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        before = len(self._open)
        self._on_ack(delivery_tag, multiple)
        self._nacked += before - len(self._open)

    def _on_return(self, *details: object) -> None:
        """A message that no queue took: its row waits for the feeder."""
        _log.warning("publish.returned", details=[str(detail)[:200] for detail in details[:4]])
