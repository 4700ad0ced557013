"""A worker's lease keeper beside a row that somebody holds: it goes past that one."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from core.database import Database
from core.model.ids import TaskId, TenantId
from core.settings import Settings
from tests.support.keeping import Keeping
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.time_limits import TimeLimits

ME = "here/1"
PUSHED = "SELECT id FROM tasks WHERE lease_until > now() + INTERVAL '10 s'"
LET_GO_OF = "SELECT id FROM tasks WHERE lease_until <= now()"


@pytest.fixture
def keeping() -> Keeping:
    """A worker's lease keeper, without the worker."""
    return Keeping(TimeLimits(Settings(broker_url="memory://")), leased_by=ME)


@pytest.fixture
async def tasks(rows: Rows, tenant: TenantId, keeping: Keeping) -> list[TaskId]:
    """Two tasks that this worker runs, whose leases end in five seconds."""
    columns = {"status": "STARTED", "due_at": None, "run": 1, "leased_by": ME, "lease_until": ago(-5)}
    keeping.running += [made := await rows.task(tenant, **columns), other := await rows.task(tenant, **columns)]
    return [made, other]


@asynccontextmanager
async def held(database: Database, task: UUID) -> AsyncGenerator[None]:
    """Hold the row of a task."""
    async with database.engine() as tx:
        await tx.exec_driver_sql("SELECT FROM tasks WHERE id = $1 FOR UPDATE", (task,))
        yield


async def ids(rows: Rows, sql: str) -> set[object]:
    return {row["id"] for row in await rows.all(sql)}


async def test_the_leases_of_the_others_are_pushed(
    database: Database, rows: Rows, keeping: Keeping, tasks: list[TaskId]
) -> None:
    async with held(database, tasks[0]):
        await keeping.keeper.turn(database)

    assert await ids(rows, PUSHED) == {tasks[1]}


async def test_the_others_are_let_go_of_and_it_in_the_next_turn(
    database: Database, rows: Rows, keeping: Keeping, tasks: list[TaskId]
) -> None:
    keeping.keeper.lost(tasks[0])
    keeping.keeper.lost(tasks[1])
    async with held(database, tasks[0]):
        await keeping.keeper.turn(database)
        at_first = await ids(rows, LET_GO_OF)

    await keeping.keeper.turn(database)

    assert (at_first, await ids(rows, LET_GO_OF)) == ({tasks[1]}, set(tasks))


async def test_a_run_that_is_let_go_of_is_not_pushed_while_somebody_holds_it(
    database: Database, rows: Rows, keeping: Keeping, tasks: list[TaskId]
) -> None:
    keeping.keeper.lost(tasks[0])
    async with held(database, tasks[0]):
        await keeping.keeper.turn(database)
    keeping.running.remove(tasks[1])

    await keeping.keeper.turn(database)
    await keeping.keeper.turn(database)

    assert await ids(rows, LET_GO_OF) == {tasks[0]}
