"""Faults of what travels: queues emptied, messages doubled, and such as are none of ours."""

from contextlib import suppress
from typing import Final
from uuid import UUID, uuid4

from amqp.exceptions import MessageNacked
from kombu import Connection, Producer
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from core.dispatch.broker import open_connection
from core.dispatch.messages import batches
from core.model.queued import Queued
from tests.chaos.cluster import DELIVERERS, pause
from tests.chaos.rounds import WIPED_REST_WITHIN, Fault, Scene
from tests.support.stack import eventually

NOTHING: Final = "Nothing."
DELIVERIES: Final = "ringback.deliveries"
TASKS: Final = "ringback.tasks.default"
DEAD: Final = "ringback.dead"
PATIENCE: Final = 30
"""Seconds: what befell the consumers before may have been a moment ago."""
TIMES: Final = 5
_SOME: Final = "SELECT id, lane, tenant_id FROM deliveries ORDER BY created_at DESC LIMIT 300"


def double_messages(scene: Scene) -> None:
    """Publish what is under way again and again, out of order, whatever became of it."""
    for _ in range(TIMES):
        rows = [line.split("|") for line in scene.cluster.sql(_SOME).splitlines()]
        queued = [Queued(UUID(one), UUID(lane), UUID(tenant)) for one, lane, tenant in rows]
        scene.draw.shuffle(queued)
        with Connection(scene.cluster.rabbit.url) as connection:
            producer = Producer(connection.default_channel, serializer="json")
            for body in [*batches(queued), *batches(queued)]:
                producer.publish(body, exchange="", routing_key=DELIVERIES)
        pause(0.5)


def purge_queues(scene: Scene) -> None:
    """Empty the queues while nobody takes anything out of them."""
    scene.cluster.kill(*DELIVERERS)
    pause(2)
    scene.cluster.rabbit.ctl("purge_queue", DELIVERIES)
    scene.cluster.rabbit.ctl("purge_queue", TASKS)
    scene.cluster.start(*DELIVERERS)


def poison(scene: Scene) -> None:
    """Publish what no consumer can read or find: each is set aside, and counted."""
    unknown = {"v": 1, "d": [[str(uuid4())] * 3]}
    bodies: list[object] = [
        b"\x00not json",
        b"{",
        {"v": 1},
        {"v": 1, "d": "x"},
        [1],
        None,
        unknown,
        {"v": 1, "d": [["a", "b", "c"]]},
        "x" * 10_000_000,
    ]
    before = _messages(scene)[DEAD]
    with open_connection(scene.cluster.rabbit.url) as connection:
        producer = Producer(connection.default_channel)
        for body in bodies:
            for queue in (DELIVERIES, TASKS):
                _publish(producer, body, queue)
    bad = 2 * len(bodies) - 1  # an unknown delivery is none to make: there is nothing to set aside

    def look() -> None:
        assert _messages(scene)[DEAD] - before >= bad

    pause(8)
    with suppress(AssertionError):
        eventually(look, within=PATIENCE)
    if (found := _messages(scene)[DEAD] - before) != bad:
        where = scene.cluster.rabbit.list_queues("name", "messages_ready", "messages_unacknowledged", "consumers")
        scene.found.append(f"p1_poison: of {bad} messages that are none of ours {found} were set aside: {where}")


@retry(
    retry=retry_if_exception_type(MessageNacked),  # the queue is at its length
    wait=wait_fixed(0.2),
    stop=stop_after_delay(PATIENCE),
    reraise=True,
)
def _publish(producer: Producer, body: object, queue: str) -> None:
    """Publish, and wait until the broker has it."""
    raw = isinstance(body, bytes)
    producer.publish(
        body,
        exchange="",
        routing_key=queue,
        serializer=None if raw else "json",
        content_type="application/json" if raw else None,
        content_encoding="utf-8" if raw else None,
    )


def _messages(scene: Scene) -> dict[str, int]:
    queues = scene.cluster.rabbit.list_queues("name", "messages")
    return {str(one["name"]): int(str(one["messages"])) for one in queues}


FAULTS = (
    Fault("F10", "messages doubled and out of order", double_messages, NOTHING, "P1 P6", deaths=False),
    Fault(
        "F10b",
        "queues emptied while the deliverers are gone",
        purge_queues,
        "Deliveries come up to 40 s later.",
        "P1 P6",
        rest_within=WIPED_REST_WITHIN,
    ),
    Fault("F11", "messages that are none of ours", poison, NOTHING, "P1; they are set aside and counted", deaths=False),
)
