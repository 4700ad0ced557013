"""The main job: a task is submitted, runs, and its end reaches a callback URL, signed and retried."""

from typing import cast

import httpx

from tests.support.answers import Answer, hang
from tests.support.stack import Stack, eventually
from tests.support.threaded import ThreadedReceiver

Json = dict[str, object]


def submit(stack: Stack, type_: str = "math.divide", **more: object) -> httpx.Response:
    return stack.client.post("/v1/tasks", json={"type": type_, "input": {"x": 22, "y": 7}, **more})


def ended(stack: Stack, path: str) -> Json:
    def look() -> Json:
        answer = stack.client.get(path)
        assert answer.status_code == 200, answer.text
        return cast("Json", answer.json())

    return eventually(look, within=30)


def delivery(stack: Stack, status: str) -> Json:
    def look() -> Json:
        found = cast("list[Json]", stack.get("/v1/deliveries")["data"])
        assert [one["status"] for one in found] == [status]
        return found[0]

    return eventually(look, within=30)


def attempts(stack: Stack, of: Json) -> list[Json]:
    return cast("list[Json]", stack.get(f"/v1/deliveries/{of['id']}/attempts")["data"])


def test_a_task_is_submitted_polled_and_told_about(stack: Stack, receiver: ThreadedReceiver) -> None:
    submitted = submit(stack, webhook_url=receiver.url)

    told = receiver.wait_for(1, within=20)
    assert submitted.status_code == 303
    assert ended(stack, submitted.headers["location"])["result"] == 22 / 7
    assert cast("Json", told[0].json()["data"])["task_id"] == submitted.json()["task_id"]
    receiver.verify(cast("str", stack.get("/v1/secret")["secret"]))
    assert delivery(stack, "succeeded")["attempt_count"] == 1


def test_an_endpoint_hears_of_success_and_of_failure(stack: Stack, receiver: ThreadedReceiver) -> None:
    endpoint = stack.client.post("/v1/endpoints", json={"url": receiver.url}).json()

    stack.client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 0}})
    stack.client.post("/v1/tasks", json={"type": "words.count", "input": {"text": "one two"}})

    told = receiver.wait_for(2, within=20)
    assert {request.json()["type"] for request in told} == {"task.failed", "task.succeeded"}
    receiver.verify(endpoint["secret"])


def test_two_failed_attempts_are_retried_with_the_same_bytes(stack: Stack, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=500), Answer(status=500), Answer(status=200))

    submit(stack, webhook_url=receiver.url)

    told = receiver.wait_for(3, within=20)
    done = delivery(stack, "succeeded")
    assert [one["outcome"] for one in attempts(stack, done)] == ["failed", "failed", "succeeded"]
    assert len({request.header("webhook-id") for request in told}) == 1
    assert len({request.body for request in told}) == 1
    assert len({request.header("webhook-timestamp") for request in told}) == 3
    receiver.verify(cast("str", stack.get("/v1/secret")["secret"]))


def test_a_used_up_schedule_ends_as_exhausted(stack: Stack, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=500))

    submit(stack, webhook_url=receiver.url)

    receiver.wait_for(4, within=20)
    done = delivery(stack, "exhausted")
    assert [one["trigger"] for one in attempts(stack, done)] == ["first", "retry", "retry", "retry"]


def test_a_killed_deliverer_leaves_an_unknown_attempt_and_a_delivery_that_succeeds(
    stack: Stack, receiver: ThreadedReceiver
) -> None:
    receiver.script(hang(), Answer(status=200))
    submit(stack, webhook_url=receiver.url)
    receiver.wait_for(1, within=20)

    stack.kill("deliverer")
    stack.start("deliverer")

    receiver.wait_for(2, within=30)
    done = delivery(stack, "succeeded")
    assert [one["outcome"] for one in attempts(stack, done)] == ["unknown", "succeeded"]


def test_a_killed_worker_leaves_a_task_that_ends_once(stack: Stack, receiver: ThreadedReceiver) -> None:
    submitted = submit(stack, "tests.hold", input={"seconds": 5}, webhook_url=receiver.url)
    path = submitted.headers["location"]
    eventually(lambda: _assert_status(stack, path, "STARTED"))

    stack.kill("worker")
    stack.start("worker")

    assert ended(stack, path)["attempts"] == 2
    receiver.wait_for(1, within=20)
    delivery(stack, "succeeded")


def _assert_status(stack: Stack, path: str, status: str) -> None:
    assert stack.client.get(path).json()["status"] == status
