"""The runs of a task: who holds it, until when, and how its end and the duty to tell are one."""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import func

from core.database import Database
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.endings import TaskEnd
from core.model.ids import TaskId, TenantId
from core.model.states import TaskStatus
from core.progress import ProgressBoard
from core.redis import open_redis
from core.registry.task_types import OWN
from core.results import Results
from tests.support.apps import NOWHERE
from tests.support.feeding import BASE_URL, new_publisher
from tests.support.rows import Rows
from tests.support.samples import URL, ago
from workers.lifecycle import Runs
from workers.queries import end_leases, push_leases
from workers.start_queries import start_run

ME, LEASE = "here/1", 15
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
DONE = TaskEnd(TaskStatus.SUCCESS, b"7")


@pytest.fixture
async def runs(database: Database, redis_url: str, redis_broker_url: str) -> AsyncGenerator[Runs]:
    """A worker child's runs; its publisher is not started, so that the feeder would publish."""
    redis = open_redis(redis_url)
    teller = Teller(database, new_publisher(redis_broker_url), BASE_URL)
    yield Runs(database, Results(redis, ttl=60), ProgressBoard(redis, ttl=60), teller, ME, LEASE)
    await redis.aclose()


async def end(runs: Runs, task: TaskRecord, how: TaskEnd) -> bool:
    return await runs.end(task.id, task.run, how) is not None


async def started(runs: Runs, task: TaskId) -> TaskRecord:
    found = await runs.start(task)
    assert found is not None
    return found


@pytest.mark.parametrize(("kept", "told"), [(TRACE, TRACE), ('00-x","y', None), (None, None)])
async def test_what_is_told_of_a_task_belongs_to_its_trace_if_it_has_one(
    runs: Runs, rows: Rows, tenant: TenantId, kept: str | None, told: str | None
) -> None:
    record = await started(runs, await rows.task(tenant, traceparent=kept))

    await runs.end(record.id, record.run, DONE, started=record)

    assert await rows.one("SELECT traceparent FROM events") == {"traceparent": told}


async def test_a_start_counts_the_run_and_takes_the_lease(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    task = await rows.task(tenant)

    record = await started(runs, task)

    row = await rows.one("SELECT status, run, due_at, leased_by, lease_until - now() > '14 s' AS leased FROM tasks")
    assert (record.run, record.status) == (1, "STARTED")
    assert row == {"status": "STARTED", "run": 1, "due_at": None, "leased_by": ME, "leased": True}


@pytest.mark.parametrize(
    "columns",
    [
        {"due_at": ago(-60)},
        {"status": "STARTED", "due_at": None, "lease_until": ago(-60), "run": 1},
        {"status": "STARTED", "due_at": None, "lease_until": ago(60), "run": 1},
        {"status": "SUCCESS", "due_at": None, "finished_at": func.now()},
    ],
    ids=["not due", "running", "lost", "ended"],
)
async def test_what_does_not_wait_is_not_started(
    runs: Runs, rows: Rows, tenant: TenantId, columns: dict[str, object]
) -> None:
    task = await rows.task(tenant, **columns)

    assert await runs.start(task) is None


async def test_a_task_that_is_named_twice_is_started_once(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    task = await rows.task(tenant)
    await started(runs, task)

    assert await runs.start(task) is None


async def test_the_end_is_recorded_with_its_event_and_deliveries(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    endpoint, task = await rows.endpoint(tenant), await rows.task(tenant, webhook_url=URL)
    record = await started(runs, task)

    ended = await end(runs, record, DONE)

    row, event = (
        await rows.row(tables.tasks, task),
        await rows.one("SELECT type, task_id, deliveries FROM events WHERE type <> 'task.started'"),
    )
    told = await rows.all("SELECT endpoint_id, url, published_until FROM deliveries")
    assert ended
    assert (row["status"], row["result"], row["result_size"], row["lease_until"]) == ("SUCCESS", b"7", 1, None)
    assert event == {"type": "task.succeeded", "task_id": task, "deliveries": 2}
    assert {(one["endpoint_id"], one["url"], one["published_until"]) for one in told} == {
        (endpoint, None, None),
        (None, URL, None),
    }


@pytest.mark.parametrize(
    ("status", "event"), [(TaskStatus.FAILURE, "task.failed"), (TaskStatus.REVOKED, "task.revoked")]
)
async def test_a_bad_end_is_told_as_well(
    runs: Runs, rows: Rows, tenant: TenantId, status: TaskStatus, event: str
) -> None:
    record = await started(runs, await rows.task(tenant))

    await end(runs, record, TaskEnd(status, None, "code", "Title", "Detail."))

    assert await rows.one("SELECT type FROM events") == {"type": event}
    assert await rows.one("SELECT error_code FROM tasks") == {"error_code": "code"}


@pytest.mark.parametrize("type_", sorted(OWN))
@pytest.mark.parametrize("in_one_statement", [True, False])
async def test_of_ringbacks_own_tasks_nobody_is_told(
    runs: Runs, rows: Rows, tenant: TenantId, type_: str, *, in_one_statement: bool
) -> None:
    await rows.endpoint(tenant, event_types=["task.*"])
    record = await started(runs, await rows.task(tenant, type=type_))

    ended = await runs.end(record.id, record.run, DONE, started=record if in_one_statement else None)

    assert ended is not None
    assert await rows.one("SELECT status FROM tasks") == {"status": "SUCCESS"}
    assert await rows.all("SELECT type FROM events") == ()


async def test_the_end_of_a_run_that_was_given_up_counts_for_nothing(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    task = await rows.task(tenant)
    old = await started(runs, task)
    await rows.change(tables.tasks, task, status="RETRY", due_at=func.now(), lease_until=None, lost_count=1)
    new = await started(runs, task)

    ended = [await end(runs, old, DONE), await end(runs, new, TaskEnd(TaskStatus.SUCCESS, b"8"))]

    assert ended == [False, True]
    assert await rows.one("SELECT result, run FROM tasks") == {"result": b"8", "run": 2}
    assert await rows.one("SELECT count(*) AS events FROM events") == {"events": 1}


async def test_an_end_is_told_once(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    record = await started(runs, await rows.task(tenant))

    ended = [await end(runs, record, DONE), await end(runs, record, DONE)]

    assert ended == [True, False]
    assert await rows.one("SELECT count(*) AS events FROM events") == {"events": 1}


@pytest.mark.parametrize(("size", "stored"), [(16_384, True), (16_385, False)])
async def test_a_result_stands_in_the_record_up_to_16_kib_and_in_redis_always(
    runs: Runs, rows: Rows, tenant: TenantId, size: int, *, stored: bool
) -> None:
    record = await started(runs, await rows.task(tenant))

    await end(runs, record, TaskEnd(TaskStatus.SUCCESS, b"1" * size))

    row = await rows.one("SELECT result IS NOT NULL AS stored, result_size FROM tasks")
    assert row == {"stored": stored, "result_size": size}
    assert await runs.results.get(record.id, record.run) == b"1" * size


async def test_a_large_result_of_a_task_that_was_erased_meanwhile_is_nowhere(
    runs: Runs, rows: Rows, tenant: TenantId
) -> None:
    record = await started(runs, await rows.task(tenant))
    await rows.change(tables.tasks, record.id, erased_at=func.now(), input=None)

    ended = await runs.end(record.id, record.run, TaskEnd(TaskStatus.SUCCESS, b"x" * 20_000), started=record)

    assert ended is not None
    assert (ended.status, ended.result, ended.result_size, ended.erased) == ("SUCCESS", None, None, True)
    assert await runs.results.get(record.id, record.run) is None


async def test_a_large_result_stays_though_the_run_is_ended_twice(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    record = await started(runs, await rows.task(tenant))
    large = TaskEnd(TaskStatus.SUCCESS, b"x" * 20_000)
    await runs.end(record.id, record.run, large, started=record)

    again = await runs.end(record.id, record.run, large)

    assert again is None
    assert await runs.results.get(record.id, record.run) == large.result


async def test_a_large_result_of_a_run_that_was_given_up_is_dropped(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    record = await started(runs, await rows.task(tenant))
    await rows.change(tables.tasks, record.id, run=2)

    assert await runs.end(record.id, 1, TaskEnd(TaskStatus.SUCCESS, b"x" * 20_000), started=record) is None
    assert await runs.results.get(record.id, 1) is None


async def test_the_end_is_recorded_though_redis_is_away(
    database: Database, rows: Rows, tenant: TenantId, redis_broker_url: str
) -> None:
    redis = open_redis(f"unix://{NOWHERE}/redis.sock?db=1")
    teller = Teller(database, new_publisher(redis_broker_url), BASE_URL)
    runs = Runs(database, Results(redis, ttl=60), ProgressBoard(redis, ttl=60), teller, ME, LEASE)
    record = await started(runs, await rows.task(tenant))

    ended = await end(runs, record, DONE)

    await redis.aclose()
    assert ended
    assert await rows.one("SELECT result FROM tasks") == {"result": b"7"}


@pytest.mark.parametrize(
    ("columns", "pushed"),
    [({}, 1), ({"lease_until": ago(1)}, 0), ({"leased_by": "there/2"}, 0)],
    ids=["alive", "run out", "another's"],
)
async def test_only_a_lease_that_lives_and_is_ours_is_pushed(
    database: Database, rows: Rows, tenant: TenantId, columns: dict[str, object], pushed: int
) -> None:
    running = {"status": "STARTED", "due_at": None, "run": 1, "leased_by": ME, "lease_until": ago(-1)}
    task = await rows.task(tenant, **(running | columns))

    async with database.engine() as tx:
        count = await push_leases(tx, task_ids=[task], leased_by=ME, lease=LEASE)

    assert len(count) == pushed


async def test_a_lease_that_is_let_go_of_has_run_out_at_once(database: Database, rows: Rows, tenant: TenantId) -> None:
    task = await rows.task(tenant)
    async with database.engine() as tx:
        await start_run(tx, task_id=task, leased_by=ME, lease=LEASE)

    async with database.engine() as tx:
        await end_leases(tx, task_ids=[task], leased_by=ME)

    assert await rows.one("SELECT lease_until <= now() AS lapsed FROM tasks") == {"lapsed": True}


async def test_the_end_of_a_task_goes_where_filters_want_it(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    wanted = await rows.endpoint(tenant, filter="$[?@ == 'SUCCESS']")
    await rows.endpoint(tenant, filter="$[?@ == 'FAILURE']")
    first, second = await started(runs, await rows.task(tenant)), await started(runs, await rows.task(tenant))

    await runs.end(first.id, first.run, DONE, started=first)
    await runs.end(second.id, second.run, DONE, started=second)

    told = await rows.all("SELECT endpoint_id FROM deliveries WHERE event_type = 'task.succeeded'")
    assert [row["endpoint_id"] for row in told] == [wanted, wanted]
