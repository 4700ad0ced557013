"""Deliveries that are sent again, through all of it, on both brokers."""

from tests.e2e.conversations import attempts, delivery, ended, submit
from tests.support.answers import Answer
from tests.support.stack import Stack, eventually
from tests.support.threaded import ThreadedReceiver


def endpoint(stack: Stack, receiver: ThreadedReceiver) -> str:
    """Register an endpoint that is given up after two attempts; return its path."""
    wish = {"url": receiver.url, "event_types": ["task.failed"], "retry_policy": {"schedule": [1]}}
    answer = stack.client.post("/v1/endpoints", json=wish)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def test_what_an_endpoint_has_missed_is_recovered(stack: Stack, receiver: ThreadedReceiver) -> None:
    place = endpoint(stack, receiver)
    receiver.script(Answer(500), Answer(500), Answer(200))
    submit(stack, input={"x": 1, "y": 0})
    delivery(stack, "exhausted")

    started = stack.client.post(f"{place}/recover", json={"since": "2026-01-01T00:00:00Z"})

    task = ended(stack, started.headers["location"])
    done = delivery(stack, "succeeded")
    assert (task["status"], task["result"]) == ("SUCCESS", {"reopened": 1})
    assert task["progress"] == {"current": 1, "total": 1, "message": "reopened"}
    assert [one["trigger"] for one in attempts(stack, done)] == ["first", "retry", "recover"]


def test_a_delivery_is_sent_again_with_the_same_bytes(stack: Stack, receiver: ThreadedReceiver) -> None:
    endpoint(stack, receiver)
    receiver.script(Answer(200), Answer(200))
    submit(stack, input={"x": 1, "y": 0})
    sent = delivery(stack, "succeeded")

    stack.client.post(f"/v1/deliveries/{sent['id']}/resend").raise_for_status()

    def look() -> None:
        assert [one["trigger"] for one in attempts(stack, sent)] == ["first", "resend"]

    eventually(look)
    first, second = receiver.requests
    assert (first.body, first.header("webhook-id")) == (second.body, second.header("webhook-id"))
