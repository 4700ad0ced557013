"""What stands on RabbitMQ: quorum queues, names of rows, and nothing that cannot be lost."""

from collections.abc import Callable, Generator
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.e2e.conversations import delivery, ended, started, submit
from tests.support.answers import Answer
from tests.support.brokers import QUEUES, bodies_in, delete_queues, publish, take
from tests.support.rabbitmq import RabbitServer
from tests.support.stack import Stack, eventually
from tests.support.threaded import ThreadedReceiver

PAYLOAD = "a-word-that-must-not-travel"

pytestmark = [
    pytest.mark.xdist_group("rabbitmq"),
    pytest.mark.parametrize("module_broker", ["rabbitmq"], indirect=True, scope="module"),
]


def test_every_queue_is_a_quorum_queue(stack: Stack, rabbitmq_store: RabbitServer) -> None:
    types = {queue["name"]: queue["type"] for queue in rabbitmq_store.list_queues("name", "type")}

    assert stack.client.get("/readyz").status_code == 200
    assert {name: types.get(name) for name in QUEUES} == dict.fromkeys(QUEUES, "quorum")


def test_nothing_is_left_unacknowledged(stack: Stack, rabbitmq_store: RabbitServer, receiver: ThreadedReceiver) -> None:
    submit(stack, webhook_url=receiver.url)
    delivery(stack, "succeeded")

    stack.kill("worker", SIGTERM)  # what they had not acknowledged would stand in the queues again
    stack.kill("deliverer", SIGTERM)

    left = [body for name in QUEUES for body in bodies_in(rabbitmq_store.url, name)]
    stack.start("worker", "deliverer")
    assert left == []


def test_messages_hold_ids_and_no_payload(stack: Stack, rabbitmq_store: RabbitServer) -> None:
    stack.kill("worker")
    submitted = submit(stack, "words.count", input={"text": PAYLOAD}, metadata={"word": PAYLOAD})

    (body,) = eventually(lambda: _seen(rabbitmq_store, "ringback.tasks.default"))

    stack.start("worker")
    assert body[0] == [str(body[0][0])]
    assert PAYLOAD not in str(body)
    assert ended(stack, submitted.headers["location"])["status"] == "SUCCESS"


@pytest.mark.parametrize("queue", ["ringback.deliveries", "ringback.tasks.default"])
@pytest.mark.parametrize("body", [b"\x00not json", b"{", b"[1]"])
def test_what_is_none_of_ours_is_set_aside(stack: Stack, rabbitmq_store: RabbitServer, queue: str, body: bytes) -> None:
    publish(rabbitmq_store.url, queue, body)

    assert eventually(lambda: _taken(rabbitmq_store)) == body
    assert stack.client.get("/readyz").status_code == 200


def test_deleted_queues_lose_nothing(stack: Stack, rabbitmq_store: RabbitServer, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=200))
    stack.kill("worker")
    submitted = submit(stack, webhook_url=receiver.url)

    delete_queues(rabbitmq_store.url)
    stack.start("worker")

    assert ended(stack, submitted.headers["location"])["status"] == "SUCCESS"
    delivery(stack, "succeeded")


@pytest.mark.usefixtures("impatient")
def test_a_task_that_the_broker_finds_too_long_stops_no_worker(stack: Stack) -> None:
    worker = stack.processes["worker"]
    held = submit(stack, "tests.nap", input={"seconds": 12})
    started(stack, held.headers["location"])

    eventually(lambda: _complains(stack.directory / "worker.log"))
    other = submit(stack, "tests.nap", input={"seconds": 0})

    assert ended(stack, other.headers["location"])["status"] == "SUCCESS"
    assert ended(stack, held.headers["location"])["status"] == "SUCCESS"
    assert worker.poll() is None


def test_a_task_is_cancelled_while_the_broker_is_away(stack: Stack, away: Callable[[], None]) -> None:
    running = submit(stack, "tests.nap", input={"seconds": 60}).headers["location"]
    started(stack, running)
    away()

    stack.client.post(f"{running}/cancel").raise_for_status()

    assert ended(stack, running)["status"] == "REVOKED"  # its child heeds nothing, and Celery sees none die meanwhile


@pytest.fixture
def away(stack: Stack, rabbitmq_store: RabbitServer) -> Generator[Callable[[], None]]:
    """Return what stops the broker, which is there again afterwards."""
    yield rabbitmq_store.stop
    rabbitmq_store.start()
    stack.wait_until_ready()
    repeated = submit(stack)
    assert ended(stack, repeated.headers["location"])["status"] == "SUCCESS"


@pytest.fixture
def impatient(stack: Stack, rabbitmq_store: RabbitServer) -> Generator[None]:
    """Have the broker close the channel of whoever holds a message for two seconds; it looks each second."""
    _set(rabbitmq_store, consumer_timeout=2_000, channel_tick_interval=1_000)
    stack.kill("worker", SIGTERM)
    stack.start("worker")  # a channel asks for both as it is opened
    yield
    _set(rabbitmq_store, consumer_timeout=1_800_000, channel_tick_interval=60_000)
    stack.kill("worker", SIGTERM)
    stack.start("worker")


def _set(server: RabbitServer, **values: int) -> None:
    for name, value in values.items():
        server.ctl("eval", f"application:set_env(rabbit, {name}, {value}).")


def _complains(log: Path) -> None:
    assert "delivery acknowledgement on channel" in log.read_text()


def _taken(server: RabbitServer) -> bytes:
    found = take(server.url, "ringback.dead")
    assert found is not None
    return found


def _seen(server: RabbitServer, queue: str) -> list[list[list[str]]]:
    found = bodies_in(server.url, queue)
    assert found
    return [one for one in found if isinstance(one, list)]
