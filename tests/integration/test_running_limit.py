"""A tenant that may run only so many tasks at once: never more, and the next one as soon as there is room."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from sqlalchemy import func

from core.database import Database
from core.intake.submit import Submissions, TaskWish
from core.intake.telling import Teller
from core.model import tables
from core.model.endings import CANCELLED, TaskAgain, TaskEnd
from core.model.ids import TaskId, TenantId
from core.model.parts import TaskInParts
from core.model.sealing import KeyRing
from core.model.states import TaskStatus
from core.progress import ProgressBoard
from core.redis import open_redis
from core.registry.callbacks import Callbacks
from core.resolver import AresResolver
from core.results import Results
from tests.support.feeding import BASE_URL, new_publisher, publishing
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import SECRET_KEYS
from workers.ending import end_lost_tasks
from workers.feeder.queries import DueTasks, take_due_tasks
from workers.lifecycle import Runs

SHARES = {"default": 32, "reports": 32}

RUNNING: dict[str, object] = {"status": "STARTED", "due_at": None, "run": 1, "lease_until": ago(-60), "leased_by": "x"}
DONE = TaskEnd(TaskStatus.SUCCESS, b"7")


@pytest.fixture
async def runs(redis_url: str, redis_broker_url: str, database_url: str) -> AsyncGenerator[Runs]:
    """The runs of many worker children, as many as there are connections."""
    many = Database(database_url, size=20)
    redis = open_redis(redis_url)
    teller = Teller(many, new_publisher(redis_broker_url), BASE_URL)
    yield Runs(many, Results(redis, ttl=60), ProgressBoard(redis, ttl=60), teller, "here/1", 15)
    await redis.aclose()
    await many.close()


async def tenant_with(rows: Rows, running_tasks: int | None) -> TenantId:
    return await rows.tenant(running_tasks=running_tasks)


async def waiting(rows: Rows, tenant: TenantId, count: int, **columns: object) -> list[TaskId]:
    return [await rows.task(tenant, **columns) for _ in range(count)]


async def take(database: Database) -> int:
    async with database.engine() as tx:
        return len((await take_due_tasks(tx, limit=1000, shares=SHARES)).tasks)


@pytest.mark.parametrize("limit", [1, 3])
async def test_however_many_start_at_once_no_more_run_than_may(runs: Runs, rows: Rows, limit: int) -> None:
    tenant = await tenant_with(rows, limit)
    tasks = await waiting(rows, tenant, 40, published_until=ago(-30))

    started = await asyncio.gather(*(runs.start(task) for task in tasks))

    counts = "SELECT status, published_until IS NULL AS brought_again, count(*) AS tasks FROM tasks GROUP BY 1, 2"
    assert len([one for one in started if one is not None]) == limit
    assert {(row["status"], row["brought_again"], row["tasks"]) for row in await rows.all(counts)} == {
        ("STARTED", True, limit),
        ("PENDING", True, 40 - limit),
    }


async def test_a_start_within_the_limit_is_told_as_any_other(runs: Runs, rows: Rows) -> None:
    tenant = await tenant_with(rows, 2)
    await rows.endpoint(tenant, event_types=["task.started"])
    (task,) = await waiting(rows, tenant, 1)

    record = await runs.start(task)

    assert record is not None
    assert record.run == 1
    assert await rows.one("SELECT event_type FROM deliveries") == {"event_type": "task.started"}


async def test_another_tenant_is_not_held_up(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    limited = await tenant_with(rows, 1)
    await rows.task(limited, **RUNNING)
    (held,), (free,) = await waiting(rows, limited, 1), await waiting(rows, tenant, 1)

    started = [await runs.start(held), await runs.start(free)]

    assert [one is None for one in started] == [True, False]


async def test_a_limit_that_is_taken_away_holds_nothing_back(runs: Runs, rows: Rows) -> None:
    tenant = await tenant_with(rows, 1)
    await rows.task(tenant, **RUNNING)
    (task,) = await waiting(rows, tenant, 1)
    await rows.change(tables.tenants, tenant, running_tasks=None)

    assert await runs.start(task) is not None


async def ends(runs: Runs, task: TaskId) -> None:
    await runs.end(task, 1, DONE)


async def is_cancelled(runs: Runs, task: TaskId) -> None:
    await runs.end(task, 1, CANCELLED)


async def is_retried_later(runs: Runs, task: TaskId) -> None:
    await runs.end(task, 1, TaskAgain(60))


async def is_lost(runs: Runs, task: TaskId) -> None:
    await Rows(runs.database).change(tables.tasks, task, lease_until=func.now(), lost_count=0)
    await end_lost_tasks(runs.database, runs.teller, limit=10)


@pytest.mark.parametrize("how", [ends, is_cancelled, is_retried_later, is_lost])
async def test_a_run_that_is_over_makes_room_for_the_next(
    runs: Runs, rows: Rows, how: Callable[[Runs, TaskId], Awaitable[None]]
) -> None:
    tenant = await tenant_with(rows, 1)
    first, second = await waiting(rows, tenant, 2)
    await runs.start(first)
    refused = await runs.start(second)

    await how(runs, first)

    assert refused is None
    assert await runs.start(second) is not None


async def test_a_run_that_was_handed_over_to_parts_still_runs(runs: Runs, rows: Rows) -> None:
    tenant = await tenant_with(rows, 1)
    first, second = await waiting(rows, tenant, 2)
    record = await runs.start(first)
    assert record is not None

    await runs.hand_over(record, TaskInParts([], b""), seconds=60)

    assert await runs.start(second) is None


@pytest.mark.parametrize(("limit", "taken"), [(None, 10), (1, 0), (2, 2), (4, 6), (99, 10)])
async def test_the_feeder_brings_to_each_queue_no_more_than_may_start(
    database: Database, rows: Rows, limit: int | None, taken: int
) -> None:
    tenant = await tenant_with(rows, limit)
    await rows.task(tenant, **RUNNING)
    await waiting(rows, tenant, 5)
    await waiting(rows, tenant, 5, queue="reports")

    brought = await take(database)

    assert (brought, await take(database)) == (taken, 0)


async def test_the_feeder_brings_nothing_beyond_a_limit_that_was_lowered(database: Database, rows: Rows) -> None:
    tenant = await tenant_with(rows, 1)
    await rows.task(tenant, **RUNNING)
    await rows.task(tenant, **RUNNING)
    await waiting(rows, tenant, 2)

    assert await take(database) == 0


@pytest.mark.parametrize("limit", [1, None])
async def test_the_feeder_hurries_while_a_task_waits_for_room(
    database: Database, rows: Rows, limit: int | None
) -> None:
    tenant = await tenant_with(rows, limit)
    await rows.task(tenant, **RUNNING)
    await waiting(rows, tenant, 1)

    async with database.engine() as tx:
        due = await take_due_tasks(tx, limit=1000, shares=SHARES)

    assert due.queues


async def test_the_feeder_does_not_hurry_for_what_is_not_due(database: Database, rows: Rows) -> None:
    await rows.task(await tenant_with(rows, None), due_at=ago(-60))

    async with database.engine() as tx:
        due = await take_due_tasks(tx, limit=1000, shares=SHARES)

    assert due == DueTasks((), {})


@pytest.mark.parametrize(("limit", "published"), [(None, 12), (3, 2), (1, 0)])
async def test_submits_are_published_at_once_only_as_far_as_they_may_start(
    database: Database, rows: Rows, redis_broker_url: str, limit: int | None, published: int
) -> None:
    tenant = await tenant_with(rows, limit)
    await rows.task(tenant, **RUNNING)
    await rows.put(tables.task_types, tenant, name="tests.any")
    callbacks = Callbacks(AresResolver(), allowed=(), https_only=True)
    wish = TaskWish(type="tests.any", input={}, written=b"{}", metadata={})

    async with publishing(redis_broker_url) as publisher:
        submissions = Submissions(database, publisher, KeyRing(SECRET_KEYS), callbacks)
        await asyncio.gather(*(submissions.submit(tenant, wish, status=303) for _ in range(12)))

    assert await rows.one("SELECT count(published_until) AS published, count(due_at) AS waiting FROM tasks") == {
        "published": published,
        "waiting": 12,
    }
