"""The feeder's other half: tasks that are due, and tasks whose worker is dead."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import cast

import pytest
from sqlalchemy import func

from core.database import Database
from core.dispatch.publish import Publisher
from core.model import tables
from core.model.ids import EndpointId, TaskId, TenantId
from core.model.parts import PARTS_RUN
from core.model.queued import QueuedTask
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from tests.support.brokers import bodies_in
from tests.support.feeding import BASE_URL, new_feeder, publishing
from tests.support.plans import blocks_of
from tests.support.rows import Rows
from tests.support.samples import URL, ago
from workers import ending
from workers.feeder.feed import TASKS_BATCH
from workers.feeder.queries import take_due_tasks

RUNNING = {"status": "STARTED", "due_at": None, "leased_by": "here/1"}


class SilentBoard(ProgressBoard):
    """A board whose Redis does not answer."""

    def __init__(self) -> None:
        pass

    async def get(self, task_id: TaskId, run: int) -> Progress | None:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError(task_id, run)


@pytest.fixture
async def publisher(redis_broker_url: str) -> AsyncGenerator[Publisher]:
    """A connected publisher."""
    async with publishing(redis_broker_url) as connected:
        yield connected


async def take(database: Database, share: int = 64) -> tuple[QueuedTask, ...]:
    async with database.engine() as tx:
        return (await take_due_tasks(tx, limit=1000, shares={"default": share})).tasks


async def lost(rows: Rows, tenant: TenantId, losses: int, **columns: object) -> TaskId:
    """Make a task whose worker has died, after so many that died before."""
    return await rows.task(
        tenant, **RUNNING, **columns, lease_until=ago(1), run=losses + 1, lost_count=losses, started_at=func.now()
    )


async def test_a_due_task_is_published_once(
    database: Database, rows: Rows, tenant: TenantId, redis_broker_url: str
) -> None:
    task = await rows.task(tenant)
    await rows.task(tenant, due_at=ago(-60))
    async with publishing(redis_broker_url) as publisher:
        feeder = new_feeder(database, publisher)

        reports = [await feeder.run_once(), await feeder.run_once()]

    assert [report.tasks for report in reports] == [1, 0]
    (message,) = cast("list[list[object]]", bodies_in(redis_broker_url, "ringback.tasks.default"))
    assert message[0] == [str(task)]


async def test_a_published_task_is_taken_again_after_half_a_minute(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    task = await rows.task(tenant, published_until=ago(1))

    assert await take(database) == (QueuedTask(task, "math.divide", "default"),)
    assert await take(database) == ()


async def test_a_tenant_fills_no_more_than_its_share_of_a_queue(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    first, second, _ = [await rows.task(tenant, due_at=ago(9 - n)) for n in range(3)]
    elsewhere = await rows.task(tenant, queue="reports")
    other = await rows.task(await rows.tenant())

    taken, again = await take(database, share=2), await take(database, share=2)

    assert {one.task_id for one in taken} == {first, second, elsewhere, other}
    assert again == ()


@pytest.mark.parametrize(("seen", "taken"), [(90, 1), (5, 2)])
async def test_tasks_of_a_type_that_nobody_runs_any_more_do_not_fill_the_share(
    database: Database, rows: Rows, tenant: TenantId, seen: int, taken: int
) -> None:
    await rows.put(tables.task_types, tenant, name="tests.gone", seen_at=ago(seen))
    old = [await rows.task(tenant, type="tests.gone", due_at=ago(9)) for _ in range(2)]
    waiting = await rows.task(tenant)

    found = {one.task_id for one in await take(database, share=taken)}

    assert found == ({waiting} if taken == 1 else set(old))


async def test_fifty_thousand_of_a_type_that_nobody_runs_cost_what_none_cost(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    await rows.put(tables.task_types, tenant, name="tests.gone", seen_at=ago(90))
    await rows.tasks(50_000, tenant, type_="tests.gone")
    await rows.task(tenant)
    async with database.engine() as tx:
        await tx.exec_driver_sql("ANALYZE tasks")

        touched = await blocks_of(tx, lambda: take_due_tasks(tx, limit=1000, shares={}))

    assert touched < 500
    assert await rows.one("SELECT type FROM tasks WHERE published_until IS NOT NULL") == {"type": "math.divide"}


async def test_of_all_types_in_a_queue_the_longest_due_go_first(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    kinds = ["tests.a", "tests.b", "tests.a", "tests.c", "tests.b"]
    tasks = [await rows.task(tenant, type=kind, due_at=ago(9 - n)) for n, kind in enumerate(kinds)]

    taken, after = await take(database, share=3), await take(database, share=5)

    assert [one.task_id for one in taken] == tasks[:3]
    assert [one.task_id for one in after] == tasks[3:]


@pytest.mark.parametrize(("losses", "at_once"), [(0, True), (1, False)], ids=["the first time", "the second"])
async def test_a_lost_task_is_due_again_at_once_or_in_a_while(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher, losses: int, *, at_once: bool
) -> None:
    task = await lost(rows, tenant, losses)

    report = await new_feeder(database, publisher).run_once()

    row = await rows.row(tables.tasks, task)
    assert (report.lost, report.tasks) == (1, int(at_once))
    assert (row["status"], row["lost_count"], row["lease_until"], row["leased_by"]) == ("RETRY", losses + 1, None, None)
    due = "SELECT due_at <= now() AS due, due_at <= now() + INTERVAL '10 s' AS soon FROM tasks"
    assert await rows.one(due) == {"due": at_once, "soon": True}


async def test_a_lost_task_that_runs_again_is_told_as_retried(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    task = await lost(rows, tenant, 0)

    await new_feeder(database, publisher).run_once()

    told = await rows.all("SELECT endpoint_id, event_type FROM deliveries WHERE task_id = :id", id=task)
    assert told == ({"endpoint_id": endpoint, "event_type": "task.retried"},)


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize(
    "columns",
    [{"lost_count": 2, "run": 3}, {"cancel_asked_at": ago(1), "run": 3}, {"run": 3}],
    ids=["ends", "was cancelled", "runs again"],
)
async def test_how_far_a_dead_run_was_stays_with_its_task(
    database: Database,
    rows: Rows,
    tenant: TenantId,
    publisher: Publisher,
    redis_url: str,
    columns: dict[str, object],
) -> None:
    task = await rows.task(tenant, **RUNNING, **columns, lease_until=ago(1), started_at=func.now())
    redis = open_redis(redis_url)
    board = ProgressBoard(redis, ttl=60)
    await board.put(task, 3, Progress(60, 100, "here"))

    await new_feeder(database, publisher, board=board).run_once()

    await redis.aclose()
    shown = {"current": 60, "total": 100, "message": "here"}
    event = await rows.one("SELECT body FROM events")
    assert (await rows.row(tables.tasks, task))["progress"] == shown
    assert json.loads(cast("bytes", event["body"]))["data"]["progress"] == shown


async def test_a_dead_run_ends_though_redis_says_nothing(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await lost(rows, tenant, 2)
    monkeypatch.setattr(ending, "PATIENCE", 0.05)

    await new_feeder(database, publisher, board=SilentBoard()).run_once()

    row = await rows.row(tables.tasks, task)
    assert (row["status"], row["progress"]) == ("FAILURE", None)


async def test_a_running_task_is_left_alone(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    task = await rows.task(tenant, **RUNNING, run=1, lease_until=ago(-5))
    before = await rows.row(tables.tasks, task)

    report = await new_feeder(database, publisher).run_once()

    assert not report.worked
    assert await rows.row(tables.tasks, task) == before


async def test_the_third_loss_ends_the_task_and_tells(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    task = await lost(rows, tenant, 2, webhook_url=URL)

    report = await new_feeder(database, publisher).run_once()

    row = await rows.row(tables.tasks, task)
    told = await rows.all("SELECT endpoint_id, url, event_type FROM deliveries WHERE task_id = :id", id=task)
    assert report.lost == 1
    assert (row["status"], row["error_code"], row["lost_count"]) == ("FAILURE", "worker_lost", 3)
    assert {(one["endpoint_id"], one["url"]) for one in told} == {(None, URL), (endpoint, None)}
    assert {one["event_type"] for one in told} == {"task.failed"}


async def test_a_task_whose_parts_wait_for_a_slot_has_not_lost_its_worker(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    task = await lost(rows, tenant, 2)
    await rows.change(tables.tasks, task, leased_by=PARTS_RUN)

    await new_feeder(database, publisher).run_once()

    row = await rows.row(tables.tasks, task)
    assert (row["status"], row["lost_count"], row["lease_until"]) == ("RETRY", 2, None)


async def test_the_event_of_a_lost_task_says_so_without_its_input(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    await lost(rows, tenant, 2)

    await new_feeder(database, publisher).run_once()

    event = await rows.one("SELECT type, deliveries, body FROM events")
    data = json.loads(cast("bytes", event["body"]))["data"]
    assert (event["type"], event["deliveries"], data["status"], data["attempts"]) == ("task.failed", 0, "FAILURE", 3)
    assert data["error"]["code"] == "worker_lost"
    assert data["links"]["self"].startswith(f"{BASE_URL}/v1/tasks/task_")
    assert "input" not in data


async def test_tasks_that_wait_for_room_do_not_hold_up_the_other_chores(
    database: Database, rows: Rows, tenant: TenantId, redis_broker_url: str
) -> None:
    await rows.task(tenant)
    for _ in range(TASKS_BATCH + 1):
        await lost(rows, tenant, 0)
    async with publishing(redis_broker_url) as publisher:
        feeder = new_feeder(database, publisher)

        reports = [await feeder.run_once(), await feeder.run_once()]

    assert [report.lost for report in reports] == [TASKS_BATCH, 1]
