"""A rolling upgrade, on both brokers: two workers offer two versions of one task type."""

import pytest

from tests.e2e.conversations import Json, ended, submit
from tests.support.stack import Stack, eventually


@pytest.fixture
def upgrading(stack: Stack) -> Stack:
    """The product with an old and a new worker in its worker's place."""
    if "worker" in stack.processes:
        stack.kill("worker")
        stack.start_worker("older", "tests.support.older_types")
        stack.start_worker("newer", "tests.support.newer_types")
    return stack


def submitted(stack: Stack, input_: Json) -> str:
    def look() -> str:
        answer = submit(stack, "tests.versioned", input=input_)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    return eventually(look, within=90)


def outcome(stack: Stack, path: str) -> tuple[object, ...]:
    done = ended(stack, path)
    return done["status"], done["result"], done["attempts"]


def test_each_input_is_run_by_the_worker_that_takes_it(upgrading: Stack) -> None:
    wished = [(field, n) for field in ("old", "new") for n in range(6)]
    paths = [submitted(upgrading, {field: n}) for field, n in wished]

    outcomes = {outcome(upgrading, path) for path in paths}

    assert outcomes == {("SUCCESS", f"{field} {n}", 1) for field, n in wished}
    assert "task.left_to_others" in upgrading.log("older") + upgrading.log("newer")
