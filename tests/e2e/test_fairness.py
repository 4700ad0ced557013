"""A tenant that submits much does not hold up another one, on both brokers."""

from typing import cast
from uuid import uuid4

from core.intake.accept import AT_ONCE
from tests.e2e.conversations import Json, ended, submit
from tests.support.stack import Stack

MANY = 40


def moment(task: Json, name: str) -> str:
    """Return one of a task's times; all are in one form, so that their order is that of their texts."""
    return cast("str", task[name])


def test_a_single_task_goes_before_most_of_what_another_tenant_submitted_first(module_stack: Stack) -> None:
    module_stack.make_tenant(f"t-{uuid4().hex}")
    busy = module_stack.client.headers["Ringback-Tenant"]
    many = [submit(module_stack, "tests.nap", input={"seconds": 0.1}).headers["location"] for _ in range(MANY)]
    module_stack.make_tenant(f"t-{uuid4().hex}")

    single = ended(module_stack, submit(module_stack, "math.divide", input={"x": 1, "y": 4}).headers["location"])

    module_stack.client.headers["Ringback-Tenant"] = busy
    between = [
        one
        for one in (ended(module_stack, path) for path in many)
        if moment(single, "created_at") < moment(one, "started_at") < moment(single, "started_at")
    ]
    assert len(between) <= AT_ONCE + 4
