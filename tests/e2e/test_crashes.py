"""Processes that die at the worst moment: nothing is lost, and the log shows the doubt."""

import os
from pathlib import Path
from signal import SIGTERM

from tests.e2e.conversations import default_secret, delivery, ended, outcomes, reached, started, submit
from tests.support.answers import Answer, hang
from tests.support.stack import Stack, eventually
from tests.support.stores import PostgresServer, ask_redis
from tests.support.threaded import ThreadedReceiver

LONGER = 17
"""Seconds: longer than a lease, unless it is pushed."""


def test_a_killed_deliverer_leaves_an_unknown_attempt_and_a_delivery_that_succeeds(
    stack: Stack, receiver: ThreadedReceiver
) -> None:
    receiver.script(hang(), Answer(status=200))
    submit(stack, webhook_url=receiver.url)
    receiver.wait_for(1, within=90)

    stack.kill("deliverer")
    stack.start("deliverer")

    receiver.wait_for(2, within=90)
    assert outcomes(stack, delivery(stack, "succeeded")) == ["unknown", "succeeded"]
    receiver.verify(default_secret(stack))


def test_a_deliverer_that_is_asked_to_end_finishes_what_is_on_the_wire(
    stack: Stack, receiver: ThreadedReceiver
) -> None:
    receiver.script(Answer(status=200, delay=1.0))
    submit(stack, webhook_url=receiver.url)
    receiver.wait_for(1, within=90)

    stack.kill("deliverer", SIGTERM)

    assert outcomes(stack, delivery(stack, "succeeded")) == ["succeeded"]
    stack.start("deliverer")


def test_a_killed_worker_leaves_a_task_that_ends_once(stack: Stack, receiver: ThreadedReceiver) -> None:
    submitted = submit(stack, "tests.hold", input={"seconds": 60}, webhook_url=receiver.url)
    path = submitted.headers["location"]
    started(stack, path)

    stack.kill("worker")
    stack.start("worker")

    assert ended(stack, path)["attempts"] == 2
    receiver.wait_for(1, within=90)
    delivery(stack, "succeeded")


def test_a_worker_that_is_asked_to_end_finishes_its_task(stack: Stack, tmp_path: Path) -> None:
    submitted = submit(stack, "tests.gated", input={"gates": str(tmp_path)})
    path = submitted.headers["location"]
    started(stack, path)
    worker = stack.processes.pop("worker")

    os.kill(worker.pid, SIGTERM)
    (tmp_path / "progress").touch()
    reached(stack, path, "PROGRESS")
    (tmp_path / "end").touch()
    worker.wait(90)

    assert ended(stack, path)["attempts"] == 1
    stack.start("worker")


def test_a_killed_child_costs_a_run_and_not_the_task(stack: Stack) -> None:
    submitted = submit(stack, "tests.crash", input={"runs": 1})

    done = ended(stack, submitted.headers["location"])

    assert (done["status"], done["attempts"]) == ("SUCCESS", 2)


def test_a_task_that_always_kills_its_worker_is_given_up(stack: Stack, receiver: ThreadedReceiver) -> None:
    submitted = submit(stack, "tests.crash", input={"runs": 99}, webhook_url=receiver.url)

    done = ended(stack, submitted.headers["location"])

    (told,) = receiver.wait_for(1, within=90)
    assert (done["status"], done["attempts"]) == ("FAILURE", 3)
    assert told.json()["type"] == "task.failed"


def test_a_flushed_redis_loses_no_callback(stack: Stack, receiver: ThreadedReceiver, redis_store: str) -> None:
    submit(stack, webhook_url=receiver.url)
    receiver.wait_for(1, within=90)

    ask_redis(redis_store, "FLUSHALL")
    submit(stack, webhook_url=receiver.url)

    receiver.wait_for(2, within=90)


def test_a_worker_that_starts_while_postgres_refuses_keeps_its_leases_later(
    stack: Stack, postgres: PostgresServer, receiver: ThreadedReceiver
) -> None:
    name = stack.env["RINGBACK_DATABASE_URL"].split("/")[3].partition("?")[0]
    stack.kill("worker")
    postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    stack.start("worker")
    eventually(lambda: _assert_logged(stack, "leases.failed"), within=90)

    postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    submitted = submit(stack, "tests.hold", input={"seconds": LONGER}, webhook_url=receiver.url)

    assert ended(stack, submitted.headers["location"])["attempts"] == 1


def _assert_logged(stack: Stack, event: str) -> None:
    assert event in stack.log("worker")
