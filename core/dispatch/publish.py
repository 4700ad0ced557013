"""Rows become messages: one thread owns the connection, publishes in batches, and waits for confirms.

Publishing is a hint: whatever is dropped here stands in Postgres, and the feeder brings it again. So nothing in this
module raises to a caller, and nothing queues up while the broker is away.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Final

import structlog
from amqp.exceptions import MessageNacked
from celery import Celery
from kombu import Connection, Producer

from core import clock, fail_points
from core.dispatch.broker import (
    BATCH,
    WINDOW,
    declare_all,
    delivery_queue,
    depth,
    open_connection,
    queue_name,
)
from core.dispatch.confirms import Confirms
from core.dispatch.depths import QueueDepths
from core.dispatch.messages import batches
from core.dispatch.spacing import Spacing
from core.model.queued import Queued, QueuedTask

PERSISTENT: Final = 2  # AMQP 0-9-1, basic properties
RETRY_PAUSE: Final = 1.0
DEPTH_AGE: Final = 0.2
IDLE_DEPTH_AGE: Final = 2.0
_BACKLOG: Final = 1_000
_BURST: Final = 500
"""Deliveries and tasks, or a few more, that are sent before their confirms are waited for."""

_log: Final = structlog.stdlib.get_logger()
Item = Sequence[Queued | QueuedTask]


class Publisher:
    """A thread that publishes; `ready` and `room` say whether it makes sense to hand it anything."""

    def __init__(
        self,
        broker_url: str,
        app: Celery,
        *,
        depths: QueueDepths | None = None,
        spacing: Spacing | None = None,
    ) -> None:
        """Connect to nothing yet; with `depths`, its thread looks at the queues now and then.

        Bursts go out as far apart as `spacing` says: the first one at once, the next with what came meanwhile.
        """
        self._url: Final = broker_url
        self._app: Final = app
        self._items: Final[queue.Queue[Item | None]] = queue.Queue(_BACKLOG)
        self._thread: Final = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._stopping: Final = threading.Event()
        self._connected: Final = threading.Event()
        self._depth = 0
        self._depth_at = 0.0
        self._depths: Final = depths
        self._spacing: Final = spacing or Spacing(0, 0, many=0)

    def start(self) -> None:
        """Start the thread; it connects by itself and connects again."""
        self._thread.start()

    def stop(self) -> None:
        """Publish what was handed over, then end."""
        self._stopping.set()
        self._offer(None)
        self._thread.join(timeout=10)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._connected.is_set()

    @property
    def ready(self) -> bool:
        """Whether the broker is there and the window has room."""
        return self._connected.is_set() and self.room > 0 and not self._items.full()

    @property
    def room(self) -> int:
        """How many more deliveries the window holds, as far as is known; each message may name `BATCH`."""
        return max(0, WINDOW - (self._depth + self._items.qsize()) * BATCH) if self._connected.is_set() else 0

    def wait_until_ready(self, timeout: float) -> bool:
        """Wait until the broker is there; false if it is not within `timeout` seconds."""
        return self._connected.wait(timeout)

    def deliveries(self, queued: Sequence[Queued]) -> None:
        """Publish deliveries soon; safe from any thread."""
        if queued:
            self._offer(queued)

    def tasks(self, tasks: Sequence[QueuedTask]) -> None:
        """Publish tasks soon; safe from any thread."""
        if tasks:
            self._offer(tasks)

    def _offer(self, item: Item | None) -> None:
        try:
            self._items.put_nowait(item)
        except queue.Full:
            _log.warning("publish.dropped", reason="backlog")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with open_connection(self._url, confirm=False) as connection:
                    self._serve(connection)
            except Exception as error:  # noqa: BLE001 - whatever a transport raises, this thread goes on
                self._connected.clear()
                if self._depths is not None:
                    self._depths.forget()
                _log.warning("publish.disconnected", error=type(error).__name__, detail=str(error)[:300])
                self._stopping.wait(RETRY_PAUSE)

    def _serve(self, connection: Connection) -> None:
        declare_all(connection)
        channel: object = connection.channel()
        producer = Producer(channel, serializer="json")
        confirms = Confirms(connection, channel) if connection.supports_heartbeats else None  # AMQP has both
        self._measure(connection)
        self._connected.set()
        while not (self._stopping.is_set() and self._items.empty()):
            items = self._next()
            burst = [one for item in items for one in item]
            if burst:
                self._publish(producer, burst, confirms)
                self._spacing.sent(len(burst))
            elif connection.supports_heartbeats:
                connection.heartbeat_check()
            self._measure(connection)

    def _next(self) -> list[Item]:
        """Wait a moment for something to publish, then take what else is there."""
        items: list[Item] = []
        with suppress(queue.Empty):
            items.append(self._items.get(timeout=DEPTH_AGE) or ())
            self._stopping.wait(self._spacing.pause())
            size = len(items[0])
            while size < _BURST:
                items.append(self._items.get_nowait() or ())
                size += len(items[-1])
        return items

    def _publish(self, producer: Producer, burst: Sequence[Queued | QueuedTask], confirms: Confirms | None) -> None:
        try:
            with _batch(producer):  # one round trip on Redis; on AMQP it does nothing, and the confirms are waited for
                for one in burst:
                    if isinstance(one, QueuedTask):
                        self._publish_task(producer, one)
                        _count(confirms)
                for body in batches([one for one in burst if isinstance(one, Queued)]):
                    _publish_batch(producer, body)
                    _count(confirms)
            if fail_points.reached is not None:
                fail_points.reached("publish.sent")
            if confirms is not None:
                confirms.wait()
        except MessageNacked:  # the queue is at its length: the window is full, the rows wait for the feeder
            self._depth = WINDOW

    def _publish_task(self, producer: Producer, task: QueuedTask) -> None:
        name = str(task.task_id)
        message = self._app.amqp.as_task_v2(name, task.type, args=(name,), ignore_result=True)
        producer.publish(
            message.body,
            exchange="",  # straight to the queue, as deliveries go
            routing_key=queue_name(task.queue),
            delivery_mode=PERSISTENT,
            headers=message.headers,
            mandatory=True,
            **message.properties,
        )

    def _measure(self, connection: Connection) -> None:
        """Look how full the window is: often while anything is in it, now and then while it is empty."""
        now = clock.monotonic()
        if now - self._depth_at >= (DEPTH_AGE if self._depth else IDLE_DEPTH_AGE):
            self._depth = depth(connection, delivery_queue)
            self._depth_at = now
        if self._depths is not None:
            self._depths.look(connection)


def _publish_batch(producer: Producer, body: dict[str, object]) -> None:
    producer.publish(
        body,
        exchange="",  # straight to the queue: on Redis a binding can be lost, and nothing would say so
        routing_key=delivery_queue.name,
        delivery_mode=PERSISTENT,
        mandatory=True,
    )


def _count(confirms: Confirms | None) -> None:
    if confirms is not None:
        confirms.sent()


def _batch(producer: Producer) -> AbstractContextManager[object]:
    batch: Callable[[], AbstractContextManager[object]] = getattr(producer, "batch")  # noqa: B009 - newer than its types
    return batch()
