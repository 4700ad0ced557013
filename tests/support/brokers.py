"""Looking into a broker, past the product."""

import json

from kombu import Connection, Producer, Queue

from core.dispatch.broker import TASK_QUEUES, queue_name

QUEUES = ("ringback.deliveries", "ringback.dead", *(queue_name(name) for name in TASK_QUEUES))


def delete_queues(url: str) -> None:
    """Delete every queue of the product, with what is in it."""
    with Connection(url) as connection:
        for name in QUEUES:
            Queue(name).bind(connection.default_channel).delete()


def bodies_in(url: str, queue: str) -> list[object]:
    """Look at every message of a queue and leave it there; return what they say."""
    with Connection(url) as connection:
        bound = Queue(queue).bind(connection.default_channel)
        taken = list(iter(bound.get, None))
        for message in taken:
            message.requeue()
    return [json.loads(message.body or "null") for message in taken]


def publish(url: str, queue: str, body: bytes) -> None:
    """Put a message into a queue, JSON by its name."""
    with Connection(url) as connection:
        Producer(connection.default_channel).publish(
            body, routing_key=queue, content_type="application/json", content_encoding="utf-8"
        )


def take(url: str, queue: str) -> bytes | None:
    """Take a message out of a queue, if there is one; return its body."""
    with Connection(url) as connection:
        message = Queue(queue).bind(connection.default_channel).get(no_ack=True)
    return None if message is None else bytes(message.body, "utf-8") if isinstance(message.body, str) else message.body
