"""What of Celery's worker goes another way: how it finds dead children, and how it comes back to its broker."""

from typing import ClassVar, Final

import structlog
from celery import bootsteps
from celery.concurrency.prefork import TaskPool
from celery.worker import WorkController
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu import Connection, Message
from kombu.asynchronous import Hub

from core.dispatch.celery import LOST_WAIT

AGAIN: Final = 1
"""Seconds between two tries to reach the broker."""
SAID_EVERY: Final = 30
"""Tries of which one is told of."""

_log: Final = structlog.stdlib.get_logger()


class WatchfulPool(bootsteps.StartStopStep):
    """Looks for dead children twice a second; Celery itself settles one only at its next look, 5 seconds apart."""

    requires = ("celery.worker.components:Pool",)

    def register_with_event_loop(self, worker: WorkController, hub: Hub) -> None:
        """Ask Celery's event loop for the turns."""
        pool: object = worker.pool
        if isinstance(pool, TaskPool):
            hub.call_repeatedly(LOST_WAIT, pool.maintain_pool)


class TaskConsumer(Consumer):
    """Celery's consumer without delayed delivery: no delay lives in the broker, and its 28 queues are clutter."""

    class Blueprint(Consumer.Blueprint):
        """The steps of a worker's consumer."""

        default_steps: ClassVar = {  # pyright: ignore[reportIncompatibleVariableOverride] - Celery reads it of the class
            step for step in Consumer.Blueprint.default_steps if "DelayedDelivery" not in step
        }

    def ensure_connected(self, conn: Connection) -> Connection:
        """Try for as long as it takes; Celery waits up to 30 s between two tries, and gives up after a hundred."""
        conn.ensure_connection(
            self._failed, interval_start=AGAIN, interval_step=0, interval_max=AGAIN, callback=maybe_shutdown
        )
        self.first_connection_attempt = False
        self.broker_connection_retry_attempt = 0
        return conn

    def _failed(self, error: Exception, _seconds: float) -> None:
        if self.broker_connection_retry_attempt % SAID_EVERY == 0:
            _log.warning("broker.unreachable", error=type(error).__name__)
        self.broker_connection_retry_attempt += 1

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Set aside what is no JSON, where all that is none of ours goes; Celery itself would throw it away."""
        _log.error("message.unreadable", error=type(exc).__name__, content_type=message.content_type)
        message.reject()
