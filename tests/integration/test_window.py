"""The window: its queues as they are declared, and what a consumer makes of the messages in it."""

from typing import cast
from uuid import uuid4

import msgspec
import pytest

from core.dispatch.broker import (
    DELIVERY_LIMIT,
    TASK_QUEUES,
    WINDOW,
    declare_all,
    delivery_queue,
    depth,
    open_connection,
)
from core.dispatch.messages import batches
from core.model.queued import Queued
from tests.support.brokers import bodies_in
from tests.support.rabbitmq import RabbitServer
from tests.support.windows import consuming, put

rabbit = pytest.mark.xdist_group("rabbitmq")
MALFORMED = [
    (b'{"v":1}', "application/json"),
    (b'{"v":9,"d":[]}', "application/json"),
    (b"[1, 2", "application/json"),
    (b"\xff\xfe", "application/json"),
    (b"\x80\x04N.", "application/x-python-serialize"),
    (b"hello", "text/plain"),
]


def message() -> tuple[Queued, bytes]:
    """Return a delivery, and a message that names it."""
    one = Queued(uuid4(), uuid4(), uuid4())
    (body,) = batches([one])
    return one, msgspec.json.encode(body)


def test_a_message_is_handed_over_as_what_it_names(broker_url: str) -> None:
    one, body = message()
    put(broker_url, body)

    with consuming(broker_url) as taken:
        assert taken.next() == [one]

    assert bodies_in(broker_url, "ringback.deliveries") == []


def test_a_message_that_was_not_decided_comes_again(broker_url: str) -> None:
    one, body = message()
    put(broker_url, body)
    with consuming(broker_url) as taken:
        taken.next(decide=False)

    with consuming(broker_url) as again:
        assert again.next() == [one]


@pytest.mark.parametrize(("body", "content_type"), MALFORMED, ids=lambda value: repr(value)[:24])
def test_a_malformed_message_holds_up_nothing(broker_url: str, body: bytes, content_type: str) -> None:
    one, good = message()
    put(broker_url, body, content_type=content_type)
    put(broker_url, good)

    with consuming(broker_url) as taken:
        assert taken.next() == [one]

    assert bodies_in(broker_url, "ringback.deliveries") == []


@rabbit
def test_a_malformed_message_is_set_aside(rabbitmq: RabbitServer) -> None:
    _, good = message()
    put(rabbitmq.url, b'{"v":9,"d":[]}')
    put(rabbitmq.url, good)

    with consuming(rabbitmq.url) as taken:
        taken.next()

    assert bodies_in(rabbitmq.url, "ringback.dead") == [{"v": 9, "d": []}]


SET_ASIDE = {"x-delivery-limit": DELIVERY_LIMIT, "x-dead-letter-exchange": "ringback.dead"}
BOUNDED = {"x-max-length": WINDOW, "x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once"}
QUEUES = {
    "ringback.deliveries": SET_ASIDE | BOUNDED,
    "ringback.dead": {"x-max-length": 10_000},
    **{f"ringback.tasks.{name}": SET_ASIDE for name in TASK_QUEUES},
}


@pytest.fixture(scope="module")
def declared(rabbitmq_store: RabbitServer) -> dict[str, dict[str, object]]:
    """Every queue with its arguments, once the product has declared them."""
    with open_connection(rabbitmq_store.url) as connection:
        declare_all(connection)
    found = rabbitmq_store.list_queues("name", "type", "arguments")
    return {str(one["name"]): {"type": one["type"], **arguments(one)} for one in found}


def arguments(queue: dict[str, object]) -> dict[str, object]:
    return {name: value for name, _type, value in cast("list[tuple[str, str, object]]", queue["arguments"])}


@rabbit
@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_replicated_and_sets_aside_what_comes_back_too_often(
    declared: dict[str, dict[str, object]], name: str
) -> None:
    assert declared[name] == {"type": "quorum", "x-queue-type": "quorum", **QUEUES[name]}


@rabbit
def test_declaring_again_is_harmless(rabbitmq: RabbitServer) -> None:
    with open_connection(rabbitmq.url) as connection:
        declare_all(connection)

        declare_all(connection)

        assert depth(connection, delivery_queue) == 0
