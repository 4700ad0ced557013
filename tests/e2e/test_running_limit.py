"""A tenant's limit on running tasks, through all of it, on both brokers."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import cast
from uuid import uuid4

import pytest

from tests.e2e.conversations import Json, ended, submit
from tests.support.pulse import stood_still
from tests.support.stack import Stack, eventually


@pytest.fixture
def narrow(module_stack: Stack) -> Stack:
    """The product, acting for a tenant that may run one task at a time."""
    module_stack.make_tenant(f"t-{uuid4().hex}", running_tasks=1)
    return module_stack


def paths(stack: Stack, count: int, *, seconds: float = 0.3) -> list[str]:
    return [submit(stack, "tests.nap", input={"seconds": seconds}).headers["location"] for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Held:
    """Tasks of a tenant of which one runs, and goes on for longer than a test takes."""

    stack: Stack
    tenant: dict[str, str]
    paths: list[str]

    def show(self, *statuses: str) -> None:
        assert sorted(self.statuses()) == sorted(statuses)

    def statuses(self) -> list[str]:
        return [self.stack.client.get(path, headers=self.tenant).json()["status"] for path in self.paths]

    def cancel(self) -> None:
        for path in self.paths:
            self.stack.client.post(f"{path}/cancel", headers=self.tenant).raise_for_status()
        eventually(lambda: self.show(*["REVOKED"] * len(self.paths)))


@pytest.fixture
def held(narrow: Stack) -> Generator[Held]:
    """Three tasks of a tenant that may run one at a time; each would take a minute."""
    made = Held(narrow, {"Ringback-Tenant": narrow.client.headers["Ringback-Tenant"]}, paths(narrow, 3, seconds=60))
    eventually(lambda: made.show("STARTED", "PENDING", "PENDING"))
    yield made
    made.cancel()


def spans(tasks: list[Json]) -> list[tuple[datetime, datetime]]:
    """Return when each task ran, in the order of their starts."""
    times = [(cast("str", one["started_at"]), cast("str", one["finished_at"])) for one in tasks]
    return sorted((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in times)


def test_one_task_follows_the_other_soon_and_none_beside_it(narrow: Stack) -> None:
    with stood_still() as missed:
        submitted = paths(narrow, 6)

        ran = spans([ended(narrow, path) for path in submitted])
        late = timedelta(seconds=25 + missed())

    gaps = [following[0] - before[1] for before, following in pairwise(ran)]
    assert min(gaps) >= timedelta(milliseconds=-1)  # the end is told by the worker's clock, to its milliseconds
    assert max(gaps) < late  # a message that came too soon would stand in the way for 30 s


def test_another_tenant_runs_meanwhile(narrow: Stack, held: Held) -> None:
    narrow.make_tenant(f"t-{uuid4().hex}")

    other = narrow.client.post(
        "/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 4}}, headers={"Prefer": "wait=30"}
    )

    assert (other.status_code, other.json()["result"]) == (200, 0.25)
    held.show("STARTED", "PENDING", "PENDING")
