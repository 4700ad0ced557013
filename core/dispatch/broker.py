"""The broker's topology: what is declared on RabbitMQ through Kombu, and on Redis as far as it goes.

```
ringback.deliveries ──► ringback.deliveries      batches of (delivery, lane, tenant)
ringback.tasks      ──► ringback.tasks.<queue>   Celery messages that name a task
ringback.dead       ──► ringback.dead            what was refused or came back too often
```
Everything here is a window on what Postgres holds: a wiped broker is declared and filled again.
"""

from typing import Final

from kombu import Connection, Exchange, Queue

WINDOW: Final = 10_000
"""IDs that the delivery queue holds at most."""
BATCH: Final = 50
"""Deliveries that one message names at most: 50 pairs make the broker some fifty times cheaper than one."""
TASK_QUEUES: Final = ("default", "parts", "joins", "reports", "network")
DELIVERY_LIMIT: Final = 20
LONGEST_HELD: Final = 7 * 24 * 3600 * 1000
"""Milliseconds that a worker may hold a message, which it does until the task ends and the one before it has.

As an argument of the consumer RabbitMQ knows it from 4.3 on; before, `consumer_timeout` in its settings counts.
"""
_DEAD_LENGTH: Final = 10_000

_dead_exchange: Final = Exchange("ringback.dead", type="fanout", durable=True)
task_exchange: Final = Exchange("ringback.tasks", type="direct", durable=True)
_deliveries_exchange: Final = Exchange("ringback.deliveries", type="direct", durable=True)

_QUORUM: Final = {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-dead-letter-exchange": "ringback.dead",
}

dead_queue: Final = Queue(
    "ringback.dead",
    exchange=_dead_exchange,
    durable=True,
    queue_arguments={"x-queue-type": "quorum", "x-max-length": _DEAD_LENGTH},
)
delivery_queue: Final = Queue(
    "ringback.deliveries",
    exchange=_deliveries_exchange,
    routing_key="deliveries",
    durable=True,
    queue_arguments=_QUORUM
    | {
        "x-max-length": WINDOW,
        "x-overflow": "reject-publish",
        "x-dead-letter-strategy": "at-least-once",
    },
)


def task_queue(name: str) -> Queue:
    """Return the queue of one kind of workload."""
    full = queue_name(name)
    return Queue(
        full,
        exchange=task_exchange,
        routing_key=full,
        durable=True,
        queue_arguments=_QUORUM,
        consumer_arguments={"x-consumer-timeout": LONGEST_HELD},
    )


def queue_name(name: str) -> str:
    """Return the broker's name of a task queue."""
    return f"ringback.tasks.{name}"


def transport_options(url: str) -> dict[str, object]:
    """Return what the transport of this URL needs: confirms on AMQP, quick restoring on Redis."""
    if url.startswith("amqp"):
        return {"confirm_publish": True, "confirm_timeout": 5.0, "max_retries": 3}
    return {
        "visibility_timeout": 60,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
        "retry_on_timeout": True,
    }


def open_connection(url: str, *, confirm: bool = True) -> Connection:
    """Return a connection that is not opened yet; it is one thread's alone.

    With `confirm`, each message published on AMQP is waited for; without, its user does that.
    """
    options = transport_options(url)
    if not confirm:
        options.pop("confirm_publish", None)
    return Connection(url, transport_options=options, heartbeat=10, connect_timeout=2.0)


def declare_all(connection: Connection) -> None:
    """Declare every exchange and queue; harmless where they are there already."""
    channel = connection.default_channel
    for queue in (dead_queue, delivery_queue, *(task_queue(name) for name in TASK_QUEUES)):
        queue.bind(channel).declare()


def depth(connection: Connection, queue: Queue) -> int:
    """Declare the queue, which is harmless where it is there, and return how many messages wait in it."""
    found: object = queue.bind(connection.default_channel).queue_declare()
    return int(getattr(found, "message_count", 0))
