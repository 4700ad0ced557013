"""What `expires_in` bounds: the time that a task waits for its first start."""

from collections.abc import Awaitable, Callable

import pytest

from core.database import Database
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.ids import TenantId
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.queries import take_expired
from workers.start_queries import start_in_turn, start_run, start_untold

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
