"""The publisher, on both brokers: what is handed over arrives, and nothing that the broker does reaches a caller."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import pytest

from cli.embedded.redis import Redis
from cli.embedded.store import end, start
from core.dispatch.broker import BATCH, WINDOW
from core.dispatch.publish import Publisher
from core.model.queued import Queued, QueuedTask
from tests.support.brokers import bodies_in
from tests.support.feeding import new_publisher
from tests.support.rabbitmq import RabbitServer
from tests.support.stack import eventually
from tests.support.stores import private_directory

DELIVERIES = "ringback.deliveries"
rabbit = pytest.mark.xdist_group("rabbitmq")
Batch = dict[str, list[list[str]]]


def some(count: int) -> list[Queued]:
    return [Queued(uuid4(), uuid4(), uuid4()) for _ in range(count)]


@contextmanager
def publishing(url: str, *, apart: float = 0.0) -> Generator[Publisher]:
    """Run a publisher; at the end everything that was handed over is published."""
    publisher = new_publisher(url, apart=apart)
    publisher.start()
    try:
        assert publisher.wait_until_ready(15)
        yield publisher
    finally:
        publisher.stop()


def named(url: str) -> set[Queued]:
    """Take every message out of the window and return what they name."""
    batches = cast("list[Batch]", bodies_in(url, DELIVERIES))
    return {Queued(UUID(d), UUID(lane), UUID(tenant)) for batch in batches for d, lane, tenant in batch["d"]}


def connected(publisher: Publisher, *, wanted: bool) -> None:
    assert publisher.connected is wanted


def has_room(publisher: Publisher, wanted: int) -> None:
    assert publisher.room == wanted


@pytest.mark.parametrize("count", [1, BATCH, 3 * BATCH + 1])
def test_what_is_handed_over_arrives(broker_url: str, count: int) -> None:
    queued = some(count)

    with publishing(broker_url) as publisher:
        publisher.deliveries(queued)

    assert named(broker_url) == set(queued)


def test_bursts_that_are_kept_apart_are_bundled(broker_url: str) -> None:
    first, *others = some(4)

    with publishing(broker_url, apart=30) as publisher:
        publisher.deliveries([first])
        eventually(lambda: named_once(broker_url, {first}))
        publisher.deliveries(others[:1])
        publisher.deliveries(others[1:])

    assert [len(batch["d"]) for batch in cast("list[Batch]", bodies_in(broker_url, DELIVERIES))] == [1, 3]


def named_once(url: str, wanted: set[Queued]) -> None:
    assert named(url) == wanted


def test_a_message_holds_ids_only(broker_url: str) -> None:
    (one,) = some(1)

    with publishing(broker_url) as publisher:
        publisher.deliveries([one])

    ids = [str(one.delivery_id), str(one.lane), str(one.tenant_id)]
    assert bodies_in(broker_url, DELIVERIES) == [{"v": 1, "d": [ids]}]


def test_nothing_to_publish_publishes_nothing(broker_url: str) -> None:
    with publishing(broker_url) as publisher:
        publisher.deliveries([])

    assert bodies_in(broker_url, DELIVERIES) == []


def test_a_task_arrives_in_the_queue_of_its_type_by_its_id_alone(broker_url: str) -> None:
    task = QueuedTask(uuid4(), "math.divide", "reports")

    with publishing(broker_url) as publisher:
        publisher.tasks([task])

    (message,) = cast("list[list[object]]", bodies_in(broker_url, "ringback.tasks.reports"))
    assert message[:2] == [[str(task.task_id)], {}]


def test_a_task_of_a_queue_that_is_not_there_does_not_end_the_publisher(broker_url: str) -> None:
    queued = some(1)
    with publishing(broker_url) as publisher:
        publisher.tasks([QueuedTask(uuid4(), "math.divide", "no-such-queue")])
        publisher.deliveries(queued)
        eventually(lambda: has_room(publisher, WINDOW - BATCH))

    assert named(broker_url) == set(queued)


def test_the_room_shrinks_by_what_waits(broker_url: str) -> None:
    with publishing(broker_url) as publisher:
        publisher.deliveries(some(BATCH))

        eventually(lambda: has_room(publisher, WINDOW - BATCH))


@pytest.mark.parametrize(
    "url", ["amqp://guest:guest@127.0.0.1:1//", "redis+socket:///nowhere/redis.sock?virtual_host=0"]
)
def test_a_broker_that_is_away_means_not_ready_and_raises_nothing(url: str) -> None:
    publisher = new_publisher(url)
    publisher.start()

    publisher.deliveries(some(1))
    publisher.tasks([QueuedTask(uuid4(), "math.divide", "default")])

    assert (publisher.wait_until_ready(0.2), publisher.ready, publisher.connected, publisher.room) == (
        False,
        False,
        False,
        0,
    )
    publisher.stop()


def test_what_is_handed_over_while_the_broker_is_away_does_not_pile_up_without_end() -> None:
    away = new_publisher("amqp://guest:guest@127.0.0.1:1//")

    for_ever = [away.deliveries(some(1)) for _ in range(2000)]

    assert for_ever == [None] * 2000
    assert not away.ready


def test_a_redis_that_went_away_and_came_back_is_connected_again() -> None:
    with private_directory() as directory:
        store = Redis(Path(directory) / "data", directory, log=directory / "log", durable=False)
        process = start(store)
        url = store.redis_url.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
        with publishing(url) as publisher:
            end(store, process)
            eventually(lambda: connected(publisher, wanted=False))
            process = start(store)
            eventually(lambda: connected(publisher, wanted=True))
            publisher.deliveries(queued := some(1))
        arrived = named(url)
        end(store, process)

    assert arrived == set(queued)


@rabbit
def test_a_rabbitmq_that_cut_the_connection_is_connected_again(rabbitmq: RabbitServer) -> None:
    queued = some(1)
    with publishing(rabbitmq.url) as publisher:
        rabbitmq.ctl("close_all_connections", "a test")
        eventually(lambda: connected(publisher, wanted=False))
        eventually(lambda: connected(publisher, wanted=True))
        publisher.deliveries(queued)

    assert named(rabbitmq.url) == set(queued)


@pytest.fixture
def narrow(rabbitmq: RabbitServer) -> Generator[RabbitServer]:
    """A RabbitMQ whose window holds one message."""
    rabbitmq.ctl("set_policy", "narrow", "^ringback.deliveries$", '{"max-length": 1}', "--apply-to", "queues")
    yield rabbitmq
    rabbitmq.ctl("clear_policy", "narrow")


@rabbit
def test_a_full_window_raises_nothing_and_publishing_goes_on(narrow: RabbitServer) -> None:
    task = QueuedTask(uuid4(), "math.divide", "default")

    with publishing(narrow.url) as publisher:
        publisher.deliveries(some(20 * BATCH))  # a burst of its own: the limit may be passed within one,
        publisher.deliveries(some(20 * BATCH))  # and is kept to from the next
        publisher.deliveries(some(20 * BATCH))
        publisher.tasks([task])

    assert 0 < len(named(narrow.url)) < 60 * BATCH
    assert len(bodies_in(narrow.url, "ringback.tasks.default")) == 1
