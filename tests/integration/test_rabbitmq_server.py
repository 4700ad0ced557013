from collections.abc import Generator
from signal import Signals

import pytest
from kombu import Connection

from tests.support.rabbitmq import RabbitServer, rabbitmq_server


@pytest.fixture(scope="module")
def server() -> Generator[RabbitServer]:
    with rabbitmq_server() as running:
        yield running


def test_a_published_message_is_fetched(server: RabbitServer) -> None:
    with Connection(server.url) as connection, connection.SimpleQueue("greetings") as queue:
        queue.put({"hello": "world"})

        message = queue.get(timeout=60)

    assert message.payload == {"hello": "world"}


def test_the_queues_are_listed_with_their_depth(server: RabbitServer) -> None:
    with Connection(server.url) as connection, connection.SimpleQueue("waiting") as queue:
        queue.put({})

    queues = server.list_queues("name", "messages")

    assert {"name": "waiting", "messages": 1} in queues


def test_a_confirmed_message_survives_a_crash_of_the_node(server: RabbitServer) -> None:
    with Connection(server.url, transport_options={"confirm_publish": True}) as connection:
        connection.SimpleQueue("kept").put({"survives": True})

    server.stop(Signals.SIGKILL)
    server.start()

    with Connection(server.url) as connection, connection.SimpleQueue("kept") as queue:
        assert queue.get(timeout=60).payload == {"survives": True}
