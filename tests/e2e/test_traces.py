"""A trace goes all the way: from who sends an event or submits a task to the worker and to receivers that ask."""

from collections.abc import Generator
from typing import cast

import pytest

from core.model.trace_context import read_traceparent, trace_id
from tests.e2e.conftest import product
from tests.support.accounts import Json
from tests.support.stack import Stack, eventually
from tests.support.stores import PostgresServer
from tests.support.threaded import ThreadedReceiver

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACED = {"traceparent": TRACE}
EVENT: Json = {"type": "order.paid", "data": {"total": 1}}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str) -> Generator[Stack]:
    """The product."""
    with product(tmp_path_factory.mktemp("traces"), postgres, redis_store) as running:
        yield running


def register(stack: Stack, **wish: object) -> Json:
    made: Json = stack.client.post("/v1/endpoints", json=wish).raise_for_status().json()
    return made


def send(stack: Stack, **headers: str) -> None:
    stack.client.post("/v1/events", json=EVENT, headers=headers).raise_for_status()


def is_continued(header: str | None) -> bool:
    """Tell whether a `traceparent` is a span of its own in the trace that was sent."""
    return (
        header is not None
        and read_traceparent(header) == header
        and trace_id(header) == trace_id(TRACE)
        and header[36:52] != TRACE[36:52]
    )


def test_a_receiver_that_asks_is_told_the_trace_of_the_event(stack: Stack, receiver: ThreadedReceiver) -> None:
    register(stack, url=receiver.url, event_types=["order.paid"], send_traceparent=True)

    send(stack, **TRACED)
    (told,) = receiver.wait_for(1, within=90)
    send(stack)
    *_, untold = receiver.wait_for(2, within=90)

    assert is_continued(told.header("traceparent"))
    assert untold.header("traceparent") is None
    logged = eventually(lambda: attempts(stack, 2))
    assert [one.get("traceparent") for one in logged] == [None, told.header("traceparent")]


def attempts(stack: Stack, count: int) -> list[dict[str, str]]:
    """Return the request headers of the deliveries' attempts, one each, the newest first."""
    deliveries = cast("list[Json]", stack.get("/v1/deliveries")["data"])
    listed = [cast("list[Json]", stack.get(f"/v1/deliveries/{one['id']}/attempts")["data"]) for one in deliveries]
    assert [len(one) for one in listed] == [1] * count
    return [cast("dict[str, str]", cast("Json", one[0]["request"])["headers"]) for one in listed]


def test_a_receiver_that_does_not_ask_is_told_nothing(stack: Stack, receiver: ThreadedReceiver) -> None:
    register(stack, url=receiver.url, event_types=["order.paid"])

    send(stack, **TRACED)

    (told,) = receiver.wait_for(1, within=90)
    assert told.header("traceparent") is None


def test_who_pulls_and_asks_is_told_as_well(stack: Stack) -> None:
    endpoint = register(stack, mode="pull", send_traceparent=True)
    send(stack, **TRACED)

    def pulled() -> Json:
        answer = stack.client.post(f"/v1/endpoints/{endpoint['id']}/pull", json={"max": 1, "wait": 5})
        (one,) = answer.raise_for_status().json()["data"]
        return cast("Json", one)

    lease = eventually(pulled)
    ack = {"acks": [{"claim": lease["claim"], "status": 200}]}
    stack.client.post(f"/v1/endpoints/{endpoint['id']}/ack", json=ack).raise_for_status()

    told = cast("dict[str, str]", cast("Json", lease["request"])["headers"])["traceparent"]
    assert is_continued(told)
    assert [one["traceparent"] for one in attempts(stack, 1)] == [told]


def test_a_task_and_what_is_told_of_it_belong_to_the_trace_of_its_request(
    stack: Stack, receiver: ThreadedReceiver
) -> None:
    register(stack, url=receiver.url, event_types=["task.succeeded"], send_traceparent=True)

    answer = stack.client.post(
        "/v1/tasks", json={"type": "tests.traced", "input": {}}, headers={**TRACED, "Prefer": "wait=20"}
    )

    (told,) = receiver.wait_for(1, within=90)
    assert answer.json()["result"] == TRACE
    assert is_continued(told.header("traceparent"))
