"""The parts of a task and their join, as a worker child runs them."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from core.model import tables
from core.model.ids import TaskId, TenantId
from core.model.parts import HANDED_OVER, PARTS_AHEAD, PARTS_RUN, Slice
from core.settings import Settings
from tests.support.rows import Rows
from tests.support.samples import ago
from workers import runtime
from workers.runtime import Runtime
from workers.soft_limit import SoftLimit
from workers.task_types import words
from workers.task_types.define import defined

WORDS = defined()["words.count"]
assert words.count  # its module registers it

RUN = 2
IN_PARTS: dict[str, object] = {
    "type": WORDS.kind.name,
    "status": "STARTED",
    "due_at": None,
    "run": RUN,
    "lease_until": ago(-20),
    "leased_by": HANDED_OVER,
    "content": b"eins zwei drei",
}


class Unheard(SoftLimit):
    """A soft limit in a thread, which hears no signals."""

    def listen(self) -> None:
        """Listen to nothing."""


class Child:
    """A worker child in a thread: it has an event loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self._runtime = Runtime(settings, leased_by="here/1")

    async def start(self, task: TaskId) -> bool:
        """Run the task itself; false if there was nothing to do."""
        return await asyncio.to_thread(self._runtime.run, WORDS, task)

    async def part(self, task: TaskId) -> object:
        """Run the part of the first two words."""
        return await asyncio.to_thread(self._runtime.run_part, WORDS, task, RUN, Slice(0, 9))

    async def join(self, task: TaskId) -> bool:
        """Run the join."""
        return await asyncio.to_thread(self._runtime.run_join, WORDS, [2, 1], task, RUN)

    def close(self) -> None:
        """Close its connections."""
        self._runtime.close()


@pytest.fixture
async def child(
    database_url: str, redis_url: str, redis_broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Child]:
    """A worker child."""
    monkeypatch.setattr(runtime, "SOFT_LIMIT", Unheard())
    settings = Settings(database_url=database_url, redis_url=redis_url, broker_url=redis_broker_url)
    made = await asyncio.to_thread(Child, settings)
    yield made
    await asyncio.to_thread(made.close)


@pytest.fixture
async def parted(rows: Rows, tenant: TenantId) -> TaskId:
    """A task in its second run that was handed over to its parts."""
    return await rows.task(tenant, **IN_PARTS)


async def test_a_part_that_is_done_leaves_the_next_as_long_as_the_first_had(
    child: Child, rows: Rows, parted: TaskId
) -> None:
    assert await child.part(parted) == 2

    left = await rows.one("SELECT round(extract(EPOCH FROM lease_until - now()) / 10) * 10 AS seconds FROM tasks")
    row = await rows.row(tables.tasks, parted)
    assert (row["leased_by"], row["parts_running"], left["seconds"]) == (PARTS_RUN, 0, RUN * WORDS.kind.hard_time_limit)


async def test_a_join_ends_the_task(child: Child, rows: Rows, parted: TaskId) -> None:
    assert await child.join(parted)

    row = await rows.row(tables.tasks, parted)
    assert (row["status"], row["result"]) == ("SUCCESS", b'{"count":3}')


async def test_a_join_whose_run_is_over_does_nothing(child: Child, rows: Rows, parted: TaskId) -> None:
    await rows.change(tables.tasks, parted, lease_until=ago(1))

    assert not await child.join(parted)

    assert (await rows.row(tables.tasks, parted))["status"] == "STARTED"


async def test_a_task_does_not_start_behind_many_parts_of_its_tenant(
    child: Child, rows: Rows, tenant: TenantId
) -> None:
    await rows.task(tenant, **IN_PARTS, parts_waiting=PARTS_AHEAD)
    task = await rows.task(tenant, type=WORDS.kind.name, published_until=ago(-20))

    assert not await child.start(task)

    row = await rows.row(tables.tasks, task)
    assert (row["status"], row["run"], row["published_until"]) == ("PENDING", 0, None)
