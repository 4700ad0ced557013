"""A run that is killed at its hard time limit: it ends once, if it still holds its task, whenever Postgres is there."""

import json
import socket
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy import func
from tenacity import wait_fixed

from core.database import Database
from core.model import tables
from core.model.ids import TaskId, TenantId
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from core.settings import Settings
from tests.support.keeping import NOWHERE, Keeping
from tests.support.rows import Rows
from tests.support.samples import URL, ago
from workers import time_limits
from workers.task_types.define import Definition, Retry, TaskContext, defined, task_type
from workers.task_types.retry import NO_RETRY
from workers.time_limits import Overrun, TimeLimits, overrun_of

ME = "here/1"
RUNNING: dict[str, object] = {"status": "STARTED", "due_at": None, "run": 2, "lease_until": ago(-60), "leased_by": ME}
AGAIN = Retry(on=(SoftTimeLimitExceeded,), stop_after_attempt=2, wait=wait_fixed(60))


def define(retry: Retry = NO_RETRY) -> Definition:
    name = f"tests.{uuid4().hex}"

    @task_type(name, soft_time_limit=1, hard_time_limit=2, retry=retry)
    def nothing(_context: TaskContext) -> None: ...

    assert nothing
    return defined()[name]


@pytest.fixture
def keeping() -> Keeping:
    """A worker's lease keeper, without the worker."""
    return Keeping(TimeLimits(Settings(broker_url="memory://")), leased_by=ME)


@pytest.fixture
async def running(rows: Rows, tenant: TenantId, keeping: Keeping, database: Database) -> TaskId:
    """A task in its second run, whose lease was pushed once."""
    task = await rows.task(tenant, **RUNNING, webhook_url=URL)
    keeping.running.append(task)
    await keeping.keeper.turn(database)
    return task


async def outcome(rows: Rows, task: TaskId) -> tuple[object, ...]:
    row = await rows.row(tables.tasks, task)
    return row["status"], row["error_code"], row["run"], row["lost_count"], row["lease_until"]


async def end_overrun(database: Database, task: TaskId, redis_url: str) -> None:
    limits = TimeLimits(Settings(broker_url="memory://", redis_url=redis_url))
    await limits.end(database, Overrun(define(), task, 2))


async def kept_progress(rows: Rows, task: TaskId) -> object:
    return (await rows.row(tables.tasks, task))["progress"]


async def told(rows: Rows) -> list[object]:
    return [row["event_type"] for row in await rows.all("SELECT event_type FROM deliveries")]


async def test_a_killed_run_ends_with_its_event_for_the_feeder_to_publish(
    database: Database, rows: Rows, keeping: Keeping, running: TaskId
) -> None:
    keeping.overran(define(), running)

    await keeping.keeper.turn(database)

    row = await rows.row(tables.tasks, running)
    assert await outcome(rows, running) == ("FAILURE", "time_limit", 2, 0, None)
    assert row["error_detail"] == "It ran longer than 2 seconds, and was killed."
    assert await rows.all("SELECT event_type, url, published_until FROM deliveries") == (
        {"event_type": "task.failed", "url": URL, "published_until": None},
    )


async def test_how_far_a_killed_run_was_stays_with_its_task(
    database: Database, rows: Rows, running: TaskId, redis_url: str
) -> None:
    redis = open_redis(redis_url)
    board = ProgressBoard(redis, ttl=60)
    await board.put(running, 1, Progress(10, 100, "the run before"))
    await board.put(running, 2, Progress(60, 100, "here"))
    await redis.aclose()

    await end_overrun(database, running, redis_url)

    assert await kept_progress(rows, running) == {"current": 60, "total": 100, "message": "here"}
    event = await rows.one("SELECT body FROM events")
    assert json.loads(cast("bytes", event["body"]))["data"]["progress"]["message"] == "here"


async def test_a_killed_run_ends_though_redis_is_away(database: Database, rows: Rows, running: TaskId) -> None:
    await end_overrun(database, running, "unix:///nonexistent?db=1")

    assert (await outcome(rows, running))[:2] == ("FAILURE", "time_limit")
    assert await kept_progress(rows, running) is None


async def test_a_killed_run_ends_though_redis_says_nothing(
    database: Database, rows: Rows, running: TaskId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limits, "PATIENCE", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "redis"))
        silent.listen()

        await end_overrun(database, running, f"unix://{tmp_path}/redis?db=1")

    assert (await outcome(rows, running))[:2] == ("FAILURE", "time_limit")


async def test_a_killed_run_is_ended_once(database: Database, rows: Rows, keeping: Keeping, running: TaskId) -> None:
    keeping.overran(define(), running)
    keeping.overran(define(), running)

    await keeping.keeper.turn(database)
    await keeping.keeper.turn(database)

    assert await told(rows) == ["task.failed"]


async def test_a_run_that_was_killed_while_postgres_was_away_ends_when_it_is_back(
    database: Database, rows: Rows, keeping: Keeping, running: TaskId
) -> None:
    away = Database(NOWHERE, size=1)
    keeping.overran(define(), running)
    await keeping.keeper.turn(away)

    await keeping.keeper.turn(database)

    await away.close()
    assert await outcome(rows, running) == ("FAILURE", "time_limit", 2, 0, None)


async def test_a_run_that_may_have_been_done_while_postgres_was_away_is_given_up_and_repeated(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    keeping = Keeping(TimeLimits(Settings(broker_url="memory://")), leased_by=ME, away_for=0)
    task = await rows.task(tenant, **RUNNING, webhook_url=URL)
    keeping.running.append(task)
    await keeping.keeper.turn(database)
    away = Database(NOWHERE, size=1)
    with pytest.raises(OSError, match="No such file"):
        await keeping.keeper.turn(away)
    keeping.overran(define(), task)

    await keeping.keeper.turn(database)

    await away.close()
    assert await rows.one("SELECT status, lease_until <= now() AS lost FROM tasks") == {
        "status": "STARTED",
        "lost": True,
    }


@pytest.mark.parametrize(
    "columns",
    [
        {"run": 3},
        {"status": "RETRY", "due_at": func.now(), "lease_until": None, "leased_by": None, "lost_count": 1},
        {"status": "SUCCESS", "lease_until": None, "leased_by": None, "finished_at": func.now()},
    ],
    ids=["another runs", "it was given up", "it has ended"],
)
async def test_a_killed_run_that_holds_its_task_no_more_changes_nothing(
    database: Database, rows: Rows, keeping: Keeping, running: TaskId, columns: dict[str, object]
) -> None:
    await rows.change(tables.tasks, running, **columns)
    before = await rows.row(tables.tasks, running)
    keeping.overran(define(), running)

    await keeping.keeper.turn(database)

    assert await rows.row(tables.tasks, running) == before
    assert await told(rows) == []


@pytest.mark.parametrize(
    ("lost", "status"), [(1, "RETRY"), (0, "FAILURE")], ids=["its first attempt", "its last attempt"]
)
async def test_a_policy_that_retries_the_soft_limit_retries_the_hard_one(
    database: Database, rows: Rows, keeping: Keeping, running: TaskId, lost: int, status: str
) -> None:
    await rows.change(tables.tasks, running, lost_count=lost)
    keeping.overran(define(AGAIN), running)

    await keeping.keeper.turn(database)

    assert (await outcome(rows, running))[0] == status


async def test_a_killed_run_that_was_to_be_cancelled_ends_as_killed(
    database: Database, rows: Rows, keeping: Keeping, running: TaskId
) -> None:
    await rows.change(tables.tasks, running, cancel_asked_at=func.now())
    keeping.overran(define(), running)

    await keeping.keeper.turn(database)

    assert (await outcome(rows, running))[:2] == ("FAILURE", "time_limit")


async def test_a_killed_run_whose_number_nobody_knows_counts_as_lost(
    database: Database, rows: Rows, tenant: TenantId, keeping: Keeping
) -> None:
    task = await rows.task(tenant, **RUNNING)
    keeping.overran(define(), task)

    await keeping.keeper.turn(database)

    assert await rows.one("SELECT status, lease_until <= now() AS lapsed FROM tasks") == {
        "status": "STARTED",
        "lapsed": True,
    }


@pytest.mark.parametrize(
    ("suffix", "args", "run"),
    [
        ("", [str(UUID(int=7))], None),
        (".part", [str(UUID(int=7)), 2, 0, 9], 2),
        (".join", [[1], str(UUID(int=7)), 2], 2),
    ],
    ids=["a whole", "a part", "a join"],
)
def test_a_request_says_whose_run_it_is(suffix: str, args: list[object], run: int | None) -> None:
    definition = define()
    name = f"{definition.kind.name}{suffix}"

    found = overrun_of(defined(), name, str(UUID(int=7)), args)

    assert found is not None
    assert (found.task_id, found.run, found.in_parts) == (UUID(int=7), run, run is not None)


def test_a_request_of_an_unknown_name_is_nobodys() -> None:
    assert overrun_of(defined(), "celery.ping", str(uuid4()), []) is None
