"""A tenant with many parts in line starts no further task of these, so that the line stays short for the others."""

import pytest

from core.database import Database
from core.model import tables
from core.model.ids import TaskId, TenantId
from core.model.parts import HANDED_OVER, PARTS_AHEAD, PARTS_RUN, Slice
from tests.support.plans import blocks_of
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.feeder.queries import DueTasks, take_due_tasks
from workers.part_queries import hand_over, push_part
from workers.start_queries import leave_crowded

RUNNING: dict[str, object] = {"status": "STARTED", "due_at": None, "run": 1, "lease_until": ago(-60)}
IN_PARTS = RUNNING | {"type": "words.count", "leased_by": PARTS_RUN}


async def take(database: Database) -> DueTasks:
    async with database.engine() as tx:
        return await take_due_tasks(tx, limit=1000, shares={})


async def is_left(database: Database, task: TaskId) -> bool:
    async with database.engine() as tx:
        return await leave_crowded(tx, task_id=task)


@pytest.fixture
async def task(rows: Rows, tenant: TenantId) -> TaskId:
    """A task of parts that is due, and stands published."""
    return await rows.task(tenant, type="words.count", published_until=ago(-20))


async def test_each_part_that_starts_makes_the_line_shorter(database: Database, rows: Rows, tenant: TenantId) -> None:
    starter = await rows.task(tenant, **RUNNING, leased_by="here/1", content=b"a b c")

    async with database.engine() as tx:
        await hand_over(tx, task_id=starter, run=1, parts=3, seconds=30, content=None)
        await push_part(tx, task_id=starter, run=1, part=Slice(0, 1), seconds=30)

    assert (await rows.row(tables.tasks, starter))["parts_waiting"] == 2


@pytest.mark.parametrize("leased_by", [HANDED_OVER, PARTS_RUN])
async def test_a_task_behind_many_parts_waits_for_the_feeder(
    database: Database, rows: Rows, tenant: TenantId, task: TaskId, leased_by: str
) -> None:
    for waiting in (PARTS_AHEAD - 1, 1):
        await rows.task(tenant, **IN_PARTS | {"leased_by": leased_by}, parts_waiting=waiting)

    assert await is_left(database, task)

    row = await rows.row(tables.tasks, task)
    assert (row["status"], row["published_until"]) == ("PENDING", None)


@pytest.mark.parametrize(
    "columns",
    [{"parts_waiting": PARTS_AHEAD - 1}, {"type": "tests.other"}, {"leased_by": "here/1"}, {"lease_until": ago(1)}],
    ids=["few parts", "another type's", "a starter's, of an earlier run", "of a run that is over"],
)
async def test_a_task_behind_few_parts_starts(
    database: Database, rows: Rows, tenant: TenantId, task: TaskId, columns: dict[str, object]
) -> None:
    await rows.task(tenant, **{**IN_PARTS, "parts_waiting": PARTS_AHEAD, **columns})

    assert not await is_left(database, task)

    assert (await rows.row(tables.tasks, task))["published_until"] is not None


async def test_what_waits_is_not_looked_at(database: Database, rows: Rows, tenant: TenantId, task: TaskId) -> None:
    await rows.tasks(20_000, tenant, type_="words.count")

    async with database.engine() as tx:
        touched = await blocks_of(tx, lambda: leave_crowded(tx, task_id=task))

    assert touched < 20


async def test_another_tenants_parts_hold_up_no_start(database: Database, rows: Rows, task: TaskId) -> None:
    await rows.task(await rows.tenant(), **IN_PARTS, parts_waiting=PARTS_AHEAD)

    assert not await is_left(database, task)


async def test_the_feeder_holds_what_may_not_start_and_nothing_else(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    await rows.task(tenant, **IN_PARTS, parts_waiting=PARTS_AHEAD)
    for _ in range(9):
        await rows.task(tenant, type="words.count", due_at=ago(9))
    other_type = await rows.task(tenant)
    other_tenants = await rows.task(await rows.tenant(), type="words.count")

    due = await take(database)

    assert {one.task_id for one in due.tasks} == {other_type, other_tenants}


async def test_the_feeder_hurries_while_parts_are_in_line(database: Database, rows: Rows, tenant: TenantId) -> None:
    await rows.task(tenant, **IN_PARTS, parts_waiting=PARTS_AHEAD)
    await rows.task(tenant, type="words.count")

    due = await take(database)

    assert due.queues
    assert due.tasks == ()


async def test_what_is_held_takes_no_room_of_a_tenant_with_a_limit(database: Database, rows: Rows) -> None:
    tenant = await rows.tenant(running_tasks=2)
    await rows.task(tenant, **IN_PARTS, parts_waiting=PARTS_AHEAD)
    await rows.task(tenant, type="words.count", due_at=ago(9))
    other = await rows.task(tenant)

    due = await take(database)

    assert [one.task_id for one in due.tasks] == [other]
