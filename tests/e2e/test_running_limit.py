"""A tenant's limit on running tasks, through all of it, on both brokers."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import cast
from uuid import uuid4

import pytest

from tests.e2e.conversations import Json, ended, submit
from tests.support.stack import Stack


@pytest.fixture
def narrow(module_stack: Stack) -> Stack:
    """The product, acting for a tenant that may run one task at a time."""
    module_stack.make_tenant(f"t-{uuid4().hex}", running_tasks=1)
    return module_stack


def paths(stack: Stack, count: int) -> list[str]:
    return [submit(stack, "tests.nap", input={"seconds": 0.3}).headers["location"] for _ in range(count)]


def spans(tasks: list[Json]) -> list[tuple[datetime, datetime]]:
    """Return when each task ran, in the order of their starts."""
    times = [(cast("str", one["started_at"]), cast("str", one["finished_at"])) for one in tasks]
    return sorted((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in times)


def test_one_task_follows_the_other_soon_and_none_beside_it(narrow: Stack) -> None:
    submitted = paths(narrow, 6)

    ran = spans([ended(narrow, path) for path in submitted])

    gaps = [following[0] - before[1] for before, following in pairwise(ran)]
    assert min(gaps) >= timedelta(milliseconds=-1)  # the end is told by the worker's clock, to its milliseconds
    assert max(gaps) < timedelta(seconds=1)


def test_another_tenant_runs_meanwhile(narrow: Stack) -> None:
    held = paths(narrow, 5)
    narrow.make_tenant(f"t-{uuid4().hex}")
    other = narrow.client.post(
        "/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 4}}, headers={"Prefer": "wait=20"}
    )

    assert (other.status_code, other.json()["result"]) == (200, 0.25)
    assert len(held) == 5
