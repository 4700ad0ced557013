"""What becomes of deliveries when their endpoint is changed, paused, enabled or deleted."""

from collections.abc import Generator
from typing import cast

import pytest

from tests.e2e.conftest import product
from tests.support.accounts import Json
from tests.support.answers import Answer
from tests.support.stack import Stack, eventually
from tests.support.stores import PostgresServer
from tests.support.threaded import ThreadedReceiver


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str) -> Generator[Stack]:
    """The product, with a retry schedule of a second."""
    directory = tmp_path_factory.mktemp("changes")
    with product(directory, postgres, redis_store, RETRY_SCHEDULE="1,1,1") as running:
        yield running


def register(stack: Stack, url: str, **wish: object) -> str:
    """Register a receiver; return its path."""
    body = {"url": url, "event_types": ["task.succeeded"], **wish}
    made: Json = stack.client.post("/v1/endpoints", json=body).raise_for_status().json()
    return f"/v1/endpoints/{made['id']}"


def submit(stack: Stack) -> None:
    """Have something happen."""
    stack.client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 4}})


def deliveries(stack: Stack, path: str) -> list[Json]:
    """Return an endpoint's deliveries."""
    found = stack.get("/v1/deliveries", endpoint_id=path.rpartition("/")[2])
    return cast("list[Json]", found["data"])


def delivery(stack: Stack, path: str) -> Json:
    """Return an endpoint's only delivery, once there is one."""

    def look() -> Json:
        found = deliveries(stack, path)
        assert len(found) == 1
        return found[0]

    return eventually(look)


def ended(stack: Stack, path: str) -> tuple[object, object]:
    """Return how an endpoint's delivery ended, once it has."""

    def look() -> tuple[object, object]:
        one = delivery(stack, path)
        assert one["finished_at"] is not None
        return one["status"], one["reason"]

    return eventually(look)


def test_what_waits_goes_to_where_the_endpoint_is_now(up: Stack, receiver: ThreadedReceiver) -> None:
    with ThreadedReceiver() as former:
        former.script(Answer(500))
        path = register(up, former.url, retry_policy={"schedule": [1, 1, 2, 4, 8, 16]})
        submit(up)
        former.wait_for(1)
        up.client.patch(path, json={"url": receiver.url, "headers": {"X-Now": "1"}}).raise_for_status()

        (request,) = receiver.wait_for(1)

    assert request.header("x-now") == "1"
    assert ended(up, path) == ("succeeded", None)
    up.client.delete(path)


def test_a_paused_endpoint_gets_nothing_and_all_of_it_once_it_is_enabled(up: Stack, receiver: ThreadedReceiver) -> None:
    path = register(up, receiver.url)
    up.client.post(f"{path}/pause").raise_for_status()
    with ThreadedReceiver() as beside:
        other = register(up, beside.url)
        submit(up)
        beside.wait_for(1)  # the same message named both deliveries: it is decided
    assert (receiver.requests, delivery(up, path)["status"]) == ((), "pending")

    up.client.post(f"{path}/enable").raise_for_status()

    receiver.wait_for(1)
    assert ended(up, path) == ("succeeded", None)
    up.client.delete(path)
    up.client.delete(other)


def test_what_waits_for_a_deleted_endpoint_is_cancelled(up: Stack, receiver: ThreadedReceiver) -> None:
    path = register(up, receiver.url)
    up.client.post(f"{path}/pause").raise_for_status()
    submit(up)
    delivery(up, path)

    up.client.delete(path).raise_for_status()

    assert ended(up, path) == ("cancelled", "endpoint_deleted")
    assert receiver.requests == ()


@pytest.mark.parametrize(
    ("answer", "ending"),
    [(Answer(500, delay=10), ("cancelled", "endpoint_deleted")), (Answer(200, delay=3), ("succeeded", None))],
    ids=["fails", "succeeds"],
)
def test_what_is_on_the_wire_when_its_endpoint_is_deleted_ends_and_is_recorded(
    up: Stack, receiver: ThreadedReceiver, answer: Answer, ending: tuple[str, str | None]
) -> None:
    receiver.script(answer)
    path = register(up, receiver.url)
    submit(up)
    receiver.wait_for(1)

    up.client.delete(path).raise_for_status()

    assert ended(up, path) == ending
    assert len(receiver.requests) == delivery(up, path)["attempt_count"] == 1
