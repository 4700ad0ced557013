"""What `expires_in` bounds: the time that a task waits for its first start."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from core.database import Database
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.errors import UnavailableError
from core.model.ids import TenantId
from core.model.queued import Queued
from tests.support.feeding import BASE_URL, new_publisher
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.loop import Turn
from workers.queries import take_expired
from workers.start_queries import start_in_turn, start_run, start_untold
from workers.upkeep.expiry import BATCH, Expiry

PAST: dict[str, object] = {"expires_at": ago(1), "due_at": ago(2)}
STARTED: dict[str, object] = {"status": "RETRY", "run": 1, "started_at": ago(5)}

every_start = pytest.mark.parametrize("start", [start_untold, start_run, start_in_turn])


async def expired(database: Database) -> list[TaskRecord]:
    async with database.engine() as tx:
        return list(await take_expired(tx, limit=10))


async def test_a_task_that_waited_too_long_for_its_start_ends(database: Database, rows: Rows, tenant: TenantId) -> None:
    task = await rows.task(tenant, **PAST)
    await rows.task(tenant, expires_at=ago(-60))

    ended = await expired(database)

    assert [(one.id, one.status, one.error_code) for one in ended] == [(task, "REVOKED", "expired")]


async def test_a_task_that_has_started_waits_for_its_next_run(database: Database, rows: Rows, tenant: TenantId) -> None:
    task = await rows.task(tenant, **PAST, **STARTED)

    assert await expired(database) == []
    assert (await rows.row(tables.tasks, task))["status"] == "RETRY"


@every_start
async def test_a_task_that_has_started_runs_again_past_that_time(
    database: Database, rows: Rows, tenant: TenantId, start: Callable[..., Awaitable[TaskRecord | None]]
) -> None:
    task = await rows.task(tenant, **PAST, **STARTED)

    async with database.engine() as tx:
        started = await start(tx, task_id=task, leased_by="x", lease=15)

    assert started is not None
    assert (started.status, started.run) == ("STARTED", 2)


@every_start
async def test_a_task_that_waited_too_long_does_not_start(
    database: Database, rows: Rows, tenant: TenantId, start: Callable[..., Awaitable[TaskRecord | None]]
) -> None:
    task = await rows.task(tenant, **PAST)

    async with database.engine() as tx:
        assert await start(tx, task_id=task, leased_by="x", lease=15) is None


class Picky(Teller):
    """Cannot tell of tasks of one type."""

    async def tell_all(self, tx: AsyncConnection, tasks: Sequence[TaskRecord], *, publish: bool) -> tuple[Queued, ...]:
        """Raise for them, as a judge does who finds no end."""
        if any(task.type == "tests.stuck" for task in tasks):
            raise UnavailableError
        return await super().tell_all(tx, tasks, publish=publish)


async def test_one_that_cannot_be_told_of_does_not_hold_the_others(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    stuck = await rows.task(tenant, **PAST, type="tests.stuck")
    other = await rows.task(tenant, **PAST)
    expiry = Expiry(database, Picky(database, new_publisher("memory://"), BASE_URL))

    with capture_logs() as logs:
        await expiry.run_once()

    assert [one["row"] for one in logs if one["event"] == "expired.stuck"] == [str(stuck)]
    assert (await rows.row(tables.tasks, other))["error_code"] == "expired"
    assert (await rows.row(tables.tasks, stuck))["status"] == "PENDING"


async def test_many_are_ended_in_turns_each_of_which_is_told_of(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    await rows.endpoint(tenant)
    _ = [await rows.task(tenant, **PAST) for _ in range(BATCH + 1)]
    expiry = Expiry(database, Teller(database, new_publisher("memory://"), BASE_URL))

    turns = [await expiry.run_once(), await expiry.run_once()]

    assert turns == [Turn(worked=True), Turn(worked=False)]
    assert await rows.one("SELECT count(*) AS n FROM deliveries WHERE event_type = 'task.revoked'") == {"n": BATCH + 1}


async def test_after_a_slow_turn_fewer_are_ended_at_once(
    database: Database, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ = [await rows.task(tenant, **PAST) for _ in range(BATCH + 20)]
    monkeypatch.setattr("workers.upkeep.expiry.SLOW", 0.0)
    expiry = Expiry(database, Teller(database, new_publisher("memory://"), BASE_URL))

    await expiry.run_once()
    await expiry.run_once()

    assert await rows.one("SELECT count(*) AS n FROM tasks WHERE status = 'REVOKED'") == {"n": BATCH + BATCH // 2}
