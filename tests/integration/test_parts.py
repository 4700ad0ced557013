"""A task of parts: its lease is its run's, and whoever is late does nothing."""

import pytest

from core.database import Database
from core.intake.task_queries import ask_to_end
from core.model import tables
from core.model.ids import TaskId, TenantId
from core.model.parts import HANDED_OVER, PARTS_RUN, Slice
from core.settings import Settings
from tests.support.keeping import Keeping
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.part_queries import hand_over, push_join, push_part, rest_part
from workers.queries import LostRun, end_leases, push_leases, run_again, take_lost
from workers.time_limits import TimeLimits

CONTENT = b"eins zwei drei"
HERE = "here/1"
RUNNING: dict[str, object] = {"status": "STARTED", "due_at": None, "run": 2, "lease_until": ago(-60)}
IN_PARTS = RUNNING | {"leased_by": HANDED_OVER, "content": CONTENT}


@pytest.fixture
async def starter(rows: Rows, tenant: TenantId) -> TaskId:
    """A task whose starter runs."""
    return await rows.task(tenant, **RUNNING, leased_by=HERE)


@pytest.fixture
async def parted(rows: Rows, tenant: TenantId) -> TaskId:
    """A task that was handed over to its parts."""
    return await rows.task(tenant, **IN_PARTS)


async def give(database: Database, task: TaskId, run: int = 2, content: bytes | None = CONTENT) -> bool:
    async with database.engine() as tx:
        return await hand_over(tx, task_id=task, run=run, parts=3, seconds=30, content=content)


async def push(database: Database, task: TaskId, run: int = 2) -> bytes | None:
    async with database.engine() as tx:
        return await push_part(tx, task_id=task, run=run, part=Slice(5, 4), seconds=30)


async def join(database: Database, task: TaskId, run: int = 2) -> bool:
    async with database.engine() as tx:
        return await push_join(tx, task_id=task, run=run, seconds=30)


async def rest(database: Database, task: TaskId, run: int = 2) -> None:
    async with database.engine() as tx:
        await rest_part(tx, task_id=task, run=run, seconds=60)


async def run_out(database: Database, rows: Rows, task: TaskId) -> LostRun:
    await rows.change(tables.tasks, task, lease_until=ago(1))
    async with database.engine() as tx:
        (lost,) = await take_lost(tx, limit=10)
    return lost


async def lease(rows: Rows, task: TaskId) -> tuple[object, object]:
    """Return who holds the lease, and for how many seconds it still lasts, in tens."""
    sql = "SELECT leased_by, round(extract(EPOCH FROM lease_until - now()) / 10) * 10 AS left FROM tasks WHERE id = :id"
    found = await rows.one(sql, id=task)
    return found["leased_by"], found["left"]


async def test_a_starter_hands_over_what_the_slices_are_of(database: Database, rows: Rows, starter: TaskId) -> None:
    assert await give(database, starter)

    assert await lease(rows, starter) == (HANDED_OVER, 30)
    assert (await rows.row(tables.tasks, starter))["content"] == CONTENT


async def test_a_file_stays_what_it_was(database: Database, rows: Rows, starter: TaskId) -> None:
    await rows.change(tables.tasks, starter, content=b"file")

    await give(database, starter, content=None)

    assert (await rows.row(tables.tasks, starter))["content"] == b"file"


async def test_a_starter_of_another_run_hands_nothing_over(database: Database, rows: Rows, starter: TaskId) -> None:
    assert not await give(database, starter, run=1)
    assert await lease(rows, starter) == (HERE, 60)


async def test_a_starter_that_was_cancelled_hands_nothing_over(database: Database, rows: Rows, starter: TaskId) -> None:
    await rows.change(tables.tasks, starter, cancel_asked_at=ago(1))

    assert not await give(database, starter)


async def test_the_worker_that_started_it_has_no_say_any_more(database: Database, rows: Rows, starter: TaskId) -> None:
    await give(database, starter)

    async with database.engine() as tx:
        pushed = await push_leases(tx, task_ids=[starter], leased_by=HERE, lease=5)
        await end_leases(tx, task_ids=[starter], leased_by=HERE)

    assert pushed == ()
    assert await lease(rows, starter) == (HANDED_OVER, 30)


async def test_a_part_reads_its_slice_and_pushes_the_lease(database: Database, rows: Rows, parted: TaskId) -> None:
    assert await push(database, parted) == b"zwei"
    assert await lease(rows, parted) == (PARTS_RUN, 30)


@pytest.mark.parametrize("run", [1, 3])
async def test_a_part_of_another_run_does_nothing(database: Database, rows: Rows, parted: TaskId, run: int) -> None:
    assert await push(database, parted, run) is None
    assert await lease(rows, parted) == (HANDED_OVER, 60)


@pytest.mark.parametrize(
    "columns",
    [{"cancel_asked_at": ago(1)}, {"lease_until": ago(1)}, {"leased_by": HERE}, {"content": None}],
    ids=["cancelled", "run out", "a starter's", "erased"],
)
async def test_a_part_whose_run_is_over_does_nothing(
    database: Database, rows: Rows, parted: TaskId, columns: dict[str, object]
) -> None:
    await rows.change(tables.tasks, parted, **columns)

    assert await push(database, parted) is None


@pytest.mark.parametrize(
    ("leased_by", "running", "idle"),
    [(HANDED_OVER, 0, True), (PARTS_RUN, 0, True), (PARTS_RUN, 1, False), (HERE, 0, False)],
)
async def test_a_lease_that_has_run_out_tells_whether_a_part_ran(
    database: Database,
    rows: Rows,
    parted: TaskId,
    leased_by: str,
    running: int,
    idle: bool,  # noqa: FBT001 - a case
) -> None:
    await rows.change(tables.tasks, parted, leased_by=leased_by, parts_running=running)

    lost = await run_out(database, rows, parted)

    assert (lost.id, lost.run, lost.idle) == (parted, 2, idle)


async def test_once_no_part_runs_the_next_has_its_time_to_start(database: Database, rows: Rows, parted: TaskId) -> None:
    await push(database, parted)

    await rest(database, parted)

    assert await lease(rows, parted) == (PARTS_RUN, 60)
    assert (await run_out(database, rows, parted)).idle


async def test_a_part_that_is_done_says_nothing_of_another_that_runs(
    database: Database, rows: Rows, parted: TaskId
) -> None:
    await push(database, parted)
    await push(database, parted)

    await rest(database, parted)

    assert await lease(rows, parted) == (PARTS_RUN, 30)
    assert not (await run_out(database, rows, parted)).idle


async def test_a_join_runs_as_a_part_does(database: Database, rows: Rows, parted: TaskId) -> None:
    await push(database, parted)
    await rest(database, parted)

    assert await join(database, parted)

    assert await lease(rows, parted) == (PARTS_RUN, 30)
    assert not (await run_out(database, rows, parted)).idle


@pytest.mark.parametrize("run", [1, 3])
async def test_a_join_of_another_run_does_nothing(database: Database, rows: Rows, parted: TaskId, run: int) -> None:
    assert not await join(database, parted, run)
    assert await lease(rows, parted) == (HANDED_OVER, 60)


async def test_what_ran_in_another_run_does_not_count(database: Database, rows: Rows, starter: TaskId) -> None:
    await rows.change(tables.tasks, starter, parts_running=3)

    await give(database, starter)

    assert (await run_out(database, rows, starter)).idle


@pytest.mark.parametrize("losses", [0, 1])
async def test_only_a_loss_is_counted(database: Database, rows: Rows, parted: TaskId, losses: int) -> None:
    async with database.engine() as tx:
        await run_again(tx, task_id=parted, lost=bool(losses))

    row = await rows.row(tables.tasks, parted)
    assert (row["status"], row["lost_count"], row["leased_by"]) == ("RETRY", losses, None)


@pytest.mark.parametrize("leased_by", [HANDED_OVER, PARTS_RUN])
async def test_a_cancel_ends_the_lease_of_parts_at_once(
    database: Database, rows: Rows, tenant: TenantId, parted: TaskId, leased_by: str
) -> None:
    await rows.change(tables.tasks, parted, leased_by=leased_by)

    async with database.engine() as tx:
        await ask_to_end(tx, tenant_id=tenant, task_id=parted)

    assert await lease(rows, parted) == (leased_by, 0)


async def test_a_cancel_leaves_a_starter_to_its_worker(
    database: Database, rows: Rows, tenant: TenantId, starter: TaskId
) -> None:
    async with database.engine() as tx:
        await ask_to_end(tx, tenant_id=tenant, task_id=starter)

    assert await lease(rows, starter) == (HERE, 60)


@pytest.mark.parametrize(("run", "let_go"), [(2, True), (1, False)])
async def test_a_part_that_dies_ends_its_run_and_no_other(
    database: Database,
    parted: TaskId,
    run: int,
    let_go: bool,  # noqa: FBT001 - a case
) -> None:
    await push(database, parted)
    keeping = Keeping(TimeLimits(Settings(broker_url="memory://")), leased_by=HERE)

    keeping.keeper.lost_part(parted, run)
    await keeping.keeper.turn(database)

    again = await push(database, parted)
    async with database.engine() as tx:
        lost = await take_lost(tx, limit=10)
    assert (again is None) == let_go
    assert [(one.id, one.idle) for one in lost] == [(parted, False)] * let_go


async def test_a_process_that_dies_after_its_part_was_done_is_counted(
    database: Database, rows: Rows, parted: TaskId
) -> None:
    await push(database, parted)
    await rest(database, parted)
    keeping = Keeping(TimeLimits(Settings(broker_url="memory://")), leased_by=HERE)
    keeping.keeper.lost_part(parted, 2)

    await keeping.keeper.turn(database)

    assert not (await run_out(database, rows, parted)).idle
