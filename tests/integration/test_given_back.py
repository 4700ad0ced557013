"""A run whose input another version of the type takes: given back, once, and counted for nothing."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func

from core.database import Database
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.endings import CANCELLED, TaskEnd
from core.model.ids import TenantId
from core.progress import ProgressBoard
from core.redis import open_redis
from core.registry.task_types import TaskType
from core.results import Results
from tests.support.feeding import BASE_URL, new_publisher
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.versions import ME, MISFIT, NAME, NEW, OLD, offer, unseen_for, version
from workers.lifecycle import Runs


@pytest.fixture
async def runs(database: Database, redis_url: str) -> AsyncGenerator[Runs]:
    """A worker child's runs."""
    redis = open_redis(redis_url)
    teller = Teller(database, new_publisher("memory://"), BASE_URL)
    yield Runs(database, Results(redis, ttl=60), ProgressBoard(redis, ttl=60), teller, ME, 15)
    await redis.aclose()


async def started(runs: Runs, rows: Rows, tenant: TenantId, **columns: object) -> TaskRecord:
    task = await rows.task(tenant, type=NAME, input=b'{"new":1}', **columns)
    record = await runs.start(task)
    assert record is not None
    return record


@pytest.mark.usefixtures("both")
async def test_a_run_whose_input_another_version_takes_goes_back_to_wait_and_counts_for_nothing(
    runs: Runs, rows: Rows, tenant: TenantId
) -> None:
    task = await started(runs, rows, tenant)

    end = await runs.leave_to_others(OLD, task, MISFIT)

    row = await rows.one(
        "SELECT status, run, lost_count, leased_by, published_until, due_at - now() < '1 s' AS soon FROM tasks"
    )
    assert end is None
    assert row == {
        "status": "RETRY",
        "run": 0,
        "lost_count": 0,
        "leased_by": None,
        "published_until": None,
        "soon": True,
    }
    assert await rows.one("SELECT count(*) AS events FROM events") == {"events": 0}


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(("waited", "least", "most"), [(0, 0.25, 0.75), (32, 2, 6), (9_999, 5, 15)])
async def test_a_task_waits_longer_the_longer_it_has_been_given_back(
    runs: Runs, rows: Rows, tenant: TenantId, waited: int, least: float, most: float
) -> None:
    task = await started(runs, rows, tenant, started_at=ago(waited))

    before = await seconds_of(rows, "SELECT clock_timestamp() AS at")
    await runs.leave_to_others(OLD, task, MISFIT)
    after = await seconds_of(rows, "SELECT clock_timestamp() AS at")

    assert before + least <= await seconds_of(rows, "SELECT due_at AS at FROM tasks") <= after + most


async def seconds_of(rows: Rows, sql: str) -> float:
    found = (await rows.one(sql))["at"]
    assert isinstance(found, datetime)
    return found.timestamp()


@pytest.mark.usefixtures("both")
async def test_a_task_that_was_given_back_runs_where_its_version_is(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    task = await started(runs, rows, tenant)
    await runs.leave_to_others(OLD, task, MISFIT)
    await rows.change(tables.tasks, task.id, due_at=func.now())

    again = await runs.start(task.id)

    assert again is not None
    assert (again.run, again.attempt) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [version("neither"), version("old", queue="reports"), None],
    ids=["takes it neither", "has the same schema", "is not there"],
)
async def test_a_run_whose_input_no_other_version_takes_ends(
    database: Database, runs: Runs, rows: Rows, tenant: TenantId, other: TaskType | None
) -> None:
    await offer(database, other or OLD)
    await offer(database, OLD)
    task = await started(runs, rows, tenant)

    assert await runs.leave_to_others(OLD, task, MISFIT) == MISFIT.end


@pytest.mark.usefixtures("both")
async def test_a_run_whose_version_is_offered_no_more_ends(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    await unseen_for(rows, NEW, 60)
    task = await started(runs, rows, tenant)

    assert await runs.leave_to_others(OLD, task, MISFIT) == MISFIT.end


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("columns", "end"),
    [
        ({"cancel_asked_at": func.now()}, CANCELLED),
        ({"run": 2}, None),
        ({"leased_by": "there/2"}, None),
        ({"leased_by": "there/2", "cancel_asked_at": func.now()}, None),
    ],
    ids=["to end", "another run", "another worker's", "another worker's to end"],
)
async def test_a_run_that_is_to_end_or_is_anothers_is_not_given_back(
    runs: Runs, rows: Rows, tenant: TenantId, columns: dict[str, object], end: TaskEnd | None
) -> None:
    task = await started(runs, rows, tenant)
    await rows.change(tables.tasks, task.id, **columns)
    before = await rows.row(tables.tasks, task.id)

    assert await runs.leave_to_others(OLD, task, MISFIT) == end

    assert await rows.row(tables.tasks, task.id) == before


@pytest.mark.usefixtures("both")
async def test_giving_back_twice_leaves_alone_whoever_has_started_meanwhile(
    runs: Runs, rows: Rows, tenant: TenantId
) -> None:
    task = await started(runs, rows, tenant)
    await runs.leave_to_others(OLD, task, MISFIT)
    await rows.change(tables.tasks, task.id, due_at=func.now())
    other = await replace(runs, leased_by="there/2").start(task.id)

    end = await runs.leave_to_others(OLD, task, MISFIT)  # as after a commit whose answer was lost

    row = await rows.row(tables.tasks, task.id)
    assert other is not None
    assert end is None
    assert (row["status"], row["leased_by"], row["run"]) == ("STARTED", "there/2", other.run)


@pytest.mark.usefixtures("both")
async def test_what_every_schema_lets_pass_and_code_refuses_ends(runs: Runs, rows: Rows, tenant: TenantId) -> None:
    task = await rows.task(tenant, type=NAME, input=b'{"old":1}')
    record = await runs.start(task)
    assert record is not None

    assert await runs.leave_to_others(OLD, record, MISFIT) == MISFIT.end
