"""Plain Celery with the product's settings, the yardstick: `celery -A benchmarks.plain worker …`.

As a program it submits: `python -m benchmarks.plain COUNT`. Broker and results come from the environment.
"""

import os
import sys
from typing import Final

from celery import Celery
from kombu import Queue

QUEUE: Final = "plain"

app: Final = Celery("plain", broker=os.environ["PLAIN_BROKER"], backend=os.environ["PLAIN_BACKEND"])
app.conf.update(
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
    result_serializer="json",
    task_acks_late=True,
    task_default_queue=QUEUE,
    task_queues=(Queue(QUEUE, routing_key=QUEUE, queue_arguments={"x-queue-type": "quorum"}),),
    task_reject_on_worker_lost=True,
    task_serializer="json",
    worker_prefetch_multiplier=1,
)


@app.task(name="plain.noop")
def noop(x: int) -> int:
    """Return what was given."""
    return x


def main(count: int) -> None:
    """Submit tasks one after the other, each confirmed by the broker."""
    for number in range(count):
        noop.apply_async(kwargs={"x": number}, ignore_result=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
