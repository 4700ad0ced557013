"""Looking into a broker, past the product."""

import json

from kombu import Connection

from core.dispatch.broker import TASK_QUEUES, queue_name

QUEUES = ("ringback.deliveries", "ringback.dead", *(queue_name(name) for name in TASK_QUEUES))


def delete_queues(url: str) -> None:
    """Delete every queue of the product, with what is in it."""
    with Connection(url) as connection:
        for name in QUEUES:
            connection.default_channel.queue_delete(name)


def bodies_in(url: str, queue: str) -> list[object]:
    """Take every message out of a queue and return what they say."""
    taken: list[object] = []
    with Connection(url) as connection:
        simple = connection.SimpleQueue(queue)
        while simple.qsize():
            message = simple.get(timeout=1)
            taken.append(json.loads(message.body))
            message.ack()
        simple.close()
    return taken
