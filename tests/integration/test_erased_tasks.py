"""Erasing a task that runs: nothing of what it was given, gave back or noted is there afterwards."""

from collections.abc import AsyncGenerator

import pytest
from redis.asyncio import Redis
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.intake import task_queries
from core.intake.change import Changes
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.ids import TaskId, TenantId
from core.model.sealing import KeyRing
from core.progress import CHANNEL, Progress, ProgressBoard
from core.redis import open_redis
from core.results import RECORDED_FOR, Results
from tests.support.feeding import BASE_URL, new_publisher
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import SECRET_KEYS
from workers.queries import write_marker
from workers.task_types.recovery_queries import note_reopened


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[Redis]:
    """An empty Redis."""
    opened = open_redis(redis_url)
    yield opened
    await opened.aclose()


@pytest.fixture
def results(redis: Redis) -> Results:
    """The results in it."""
    return Results(redis, ttl=60)


@pytest.fixture
def board(redis: Redis) -> ProgressBoard:
    """The board in it."""
    return ProgressBoard(redis, ttl=60)


@pytest.fixture
def changes(database: Database, results: Results, board: ProgressBoard) -> Changes:
    """What erases tasks; its publisher is not started."""
    teller = Teller(database, new_publisher("memory://"), BASE_URL)
    return Changes(database, teller, results, board, KeyRing(SECRET_KEYS))


@pytest.fixture
async def running(rows: Rows, tenant: TenantId) -> TaskId:
    """A task in its second run."""
    return await rows.task(tenant, status="STARTED", due_at=None, lease_until=ago(-60), leased_by="here/1", run=2)


async def mark(database: Database, task: TaskId, name: str) -> bool:
    async with database.engine() as tx:
        return await write_marker(tx, task_id=task, run=2, name=name, value=b"1")


async def names_of_markers(rows: Rows) -> list[object]:
    return [row["name"] for row in await rows.all("SELECT name FROM task_markers")]


async def test_what_side_effects_gave_back_is_erased(
    database: Database, rows: Rows, changes: Changes, tenant: TenantId, running: TaskId
) -> None:
    await mark(database, running, "first")

    await changes.erase(tenant, running)

    assert await names_of_markers(rows) == []


async def test_a_task_whose_run_is_lost_meanwhile_does_not_run_once_more(
    rows: Rows, changes: Changes, running: TaskId, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = task_queries.ask_to_end

    async def lost(tx: AsyncConnection, *, tenant_id: TenantId, task_id: TaskId) -> TaskRecord | None:
        await rows.change(tables.tasks, running, status="RETRY", due_at=func.now(), lease_until=None, leased_by=None)
        return await asked(tx, tenant_id=tenant_id, task_id=task_id)

    monkeypatch.setattr(task_queries, "ask_to_end", lost)

    await changes.erase(tenant, running)

    row = await rows.row(tables.tasks, running)
    assert (row["status"], row["due_at"], row["input"]) == ("REVOKED", None, None)


async def test_the_markers_of_other_tasks_stay(
    database: Database, rows: Rows, changes: Changes, tenant: TenantId, running: TaskId
) -> None:
    await mark(database, running, "first")

    await changes.erase(tenant, await rows.task(tenant))

    assert await names_of_markers(rows) == ["first"]


async def test_a_side_effect_of_an_erased_task_is_not_noted(
    database: Database, rows: Rows, changes: Changes, tenant: TenantId, running: TaskId
) -> None:
    await changes.erase(tenant, running)

    assert not await mark(database, running, "second")
    assert await names_of_markers(rows) == []


async def test_what_an_erased_recover_reopened_is_not_noted(
    database: Database, rows: Rows, changes: Changes, tenant: TenantId, running: TaskId
) -> None:
    await changes.erase(tenant, running)

    async with database.engine() as tx:
        assert not await note_reopened(tx, task_id=running, run=2, count=1)
    assert await names_of_markers(rows) == []


async def test_a_result_that_is_put_after_the_erasure_is_not_kept(
    changes: Changes, results: Results, tenant: TenantId, running: TaskId
) -> None:
    await changes.erase(tenant, running)

    await results.put_and_tell(running, 2, b"7", channel=CHANNEL)
    await results.put(running, 2, b"7")

    assert await results.get(running, 2) is None


async def test_a_result_that_stands_in_the_record_too_is_kept_for_minutes_only(redis: Redis, running: TaskId) -> None:
    results = Results(redis, ttl=10 * RECORDED_FOR)
    await results.put(running, 1, b"6")
    await results.put_and_tell(running, 2, b"7", channel=CHANNEL)

    left = [await redis.ttl(f"ringback:result:{running}:{run}") for run in (1, 2)]

    assert 0 < left[1] <= RECORDED_FOR < left[0]


async def test_a_result_that_was_put_before_the_erasure_is_erased(
    changes: Changes, results: Results, redis: Redis, tenant: TenantId, running: TaskId
) -> None:
    await results.put(running, 1, b"6")
    await results.put_and_tell(running, 2, b"7", channel=CHANNEL)

    await changes.erase(tenant, running)

    assert [await results.get(running, run) for run in (1, 2)] == [None, None]
    assert [await redis.get(f"ringback:result:{running}:{run}") for run in (1, 2)] == [b"", b""]


async def test_what_stands_for_an_erased_result_goes_in_its_time(
    results: Results, redis: Redis, running: TaskId
) -> None:
    await results.erase(running, 2)

    assert await redis.ttl(f"ringback:result:{running}:2") in range(1, 61)


async def test_progress_that_is_shown_after_the_erasure_is_not_kept(
    changes: Changes, board: ProgressBoard, tenant: TenantId, running: TaskId
) -> None:
    await board.put(running, 2, Progress(1, 2, "before"))
    await changes.erase(tenant, running)

    await board.put(running, 2, Progress(2, 2, "after"))

    assert await board.get(running, 2) is None


async def test_what_stands_for_erased_progress_goes_in_its_time(
    board: ProgressBoard, redis: Redis, running: TaskId
) -> None:
    await board.erase(running, 2)

    assert await redis.ttl(f"ringback:progress:{running}:2") in range(1, 61)


async def test_the_progress_that_was_shown_last_is_kept(board: ProgressBoard, redis: Redis, running: TaskId) -> None:
    await board.put(running, 2, Progress(1, 2))
    await board.put(running, 2, Progress(2, 2))

    assert await board.get(running, 2) == Progress(2, 2)
    assert await redis.ttl(f"ringback:progress:{running}:2") in range(1, 61)
