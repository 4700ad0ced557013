"""The main job: a task is submitted, runs, and its end reaches a callback URL, signed and retried."""

from typing import cast
from uuid import uuid4

from tests.e2e.conversations import Json, attempts, default_secret, delivery, ended, outcomes, submit
from tests.support.answers import Answer
from tests.support.stack import Stack
from tests.support.threaded import ThreadedReceiver


def test_a_task_is_submitted_polled_and_told_about(stack: Stack, receiver: ThreadedReceiver) -> None:
    submitted = submit(stack, webhook_url=receiver.url)

    told = receiver.wait_for(1, within=90)
    assert submitted.status_code == 303
    assert ended(stack, submitted.headers["location"])["result"] == 22 / 7
    assert cast("Json", told[0].json()["data"])["task_id"] == submitted.json()["task_id"]
    receiver.verify(default_secret(stack))
    assert delivery(stack, "succeeded")["attempt_count"] == 1


def test_a_task_brings_its_own_secret(stack: Stack, receiver: ThreadedReceiver) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    submit(stack, webhook_url=receiver.url, webhook_secret=secret)

    receiver.wait_for(1, within=90)
    receiver.verify(secret)


def test_an_endpoint_hears_of_success_and_of_failure(stack: Stack, receiver: ThreadedReceiver) -> None:
    wanted = {"url": receiver.url, "event_types": ["task.succeeded", "task.failed"]}
    endpoint = stack.client.post("/v1/endpoints", json=wanted).json()

    submit(stack, input={"x": 1, "y": 0})
    submit(stack, "words.count", input={"text": "one two"})

    told = receiver.wait_for(2, within=90)
    assert {request.json()["type"] for request in told} == {"task.failed", "task.succeeded"}
    receiver.verify(endpoint["secret"])


def test_a_failure_shows_its_code_and_nothing_of_the_exception(stack: Stack) -> None:
    submitted = submit(stack, input={"x": 1, "y": 0})

    failed = ended(stack, submitted.headers["location"])

    assert failed["status"] == "FAILURE"
    assert failed["error"] == {"code": "division_by_zero", "title": "Division by zero", "detail": "y must not be zero."}


def test_two_failed_attempts_are_retried_with_the_same_bytes(stack: Stack, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=500), Answer(status=500), Answer(status=200))

    submit(stack, webhook_url=receiver.url)

    told = receiver.wait_for(3, within=90)
    done = delivery(stack, "succeeded")
    assert outcomes(stack, done) == ["failed", "failed", "succeeded"]
    assert len({request.header("webhook-id") for request in told}) == 1
    assert len({request.body for request in told}) == 1
    assert len({request.header("webhook-timestamp") for request in told}) == 3
    receiver.verify(default_secret(stack))


def test_a_used_up_schedule_ends_as_exhausted(stack: Stack, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=500))

    submit(stack, webhook_url=receiver.url)

    receiver.wait_for(4, within=90)
    done = delivery(stack, "exhausted")
    assert [one["trigger"] for one in attempts(stack, done)] == ["first", "retry", "retry", "retry"]


def test_what_was_sent_is_in_the_log(stack: Stack, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=200, body=b"thanks"))
    url = f"{receiver.url}?from=ringback"
    wanted = {"url": url, "headers": {"X-Token": "hush"}, "event_types": ["task.succeeded"]}
    stack.client.post("/v1/endpoints", json=wanted).raise_for_status()

    submit(stack)

    (told,) = receiver.wait_for(1, within=90)
    (logged,) = attempts(stack, delivery(stack, "succeeded"))
    request, response = cast("Json", logged["request"]), cast("Json", logged["response"])
    assert told.header("x-token") == "hush"
    assert request["url"] == url
    assert request["body"] == told.body.decode()
    assert "hush" not in str(logged)
    assert (response["status"], response["body"]) == (200, "thanks")


def test_a_tenant_with_many_tasks_does_not_hold_up_anothers_single_one(stack: Stack) -> None:
    many = [submit(stack, "tests.nap", input={"seconds": 0.2}) for _ in range(80)]
    stack.make_tenant(f"t-{uuid4().hex}")

    single = submit(stack)

    done = ended(stack, single.headers["location"])
    assert done["status"] == "SUCCESS"
    stack.client.headers["Ringback-Tenant"] = many[0].request.headers["Ringback-Tenant"]
    assert stack.client.get(many[-1].headers["location"]).status_code == 202
    ended(stack, many[-1].headers["location"])
