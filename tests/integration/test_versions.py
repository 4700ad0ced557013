"""Two versions of a task type at once, as in a rolling upgrade: each input finds the worker that takes it."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import func

from core.database import Database
from core.intake.submit import Submissions, TaskWish
from core.intake.telling import Teller
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.endings import CANCELLED, TaskEnd, TaskMisfit
from core.model.errors import InvalidInputError
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.model.sealing import KeyRing
from core.model.states import TaskStatus
from core.progress import ProgressBoard
from core.redis import open_redis
from core.registry.callbacks import Callbacks
from core.registry.queries import list_task_types, read_task_type, read_task_versions, register_task_type
from core.registry.task_types import TaskType
from core.resolver import ThreadResolver
from core.results import Results
from core.settings import Settings
from tests.support.feeding import BASE_URL, new_publisher
from tests.support.keeping import Keeping
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import SECRET_KEYS
from workers.lifecycle import Runs
from workers.time_limits import TimeLimits

NAME, ME = "tests.versioned", "here/1"
MISFIT = TaskMisfit(TaskEnd(TaskStatus.FAILURE, None, "invalid_input", "Invalid input", "It does not fit."))


def version(field: str, queue: str = "default") -> TaskType:
    """A version of the type whose input is one whole number of this name."""
    schema = {
        "type": "object",
        "properties": {field: {"type": "integer"}},
        "required": [field],
        "additionalProperties": False,
    }
    return TaskType(
        name=NAME,
        description="",
        queue=queue,
        input_schema=schema,
        output_schema={},
        soft_time_limit=1,
        hard_time_limit=2,
        retry_policy={"max_attempts": 1},
    )


OLD, NEW = version("old"), version("new", queue="reports")


async def offer(database: Database, kind: TaskType) -> None:
    async with database.engine() as tx:
        await register_task_type(tx, task_type=kind)


async def unseen_for(rows: Rows, kind: TaskType, seconds: int) -> None:
    where = tables.task_types.c.fingerprint == kind.fingerprint
    async with rows.database.engine() as tx:
        await tx.execute(tables.task_types.update().where(where).values(seen_at=ago(seconds)))


async def fields_of(database: Database) -> list[str]:
    """Return what each live version wants, newest first."""
    async with database.engine() as tx:
        versions = await read_task_versions(tx, name=NAME)
    return [str(one.input_schema["required"]) for one in versions]


@pytest.fixture
async def both(database: Database) -> None:
    """An old version and a newer one, each offered a moment ago."""
    await offer(database, OLD)
    await offer(database, NEW)


@pytest.fixture
def submissions(database: Database) -> Submissions:
    """An API's submits, without a broker."""
    callbacks = Callbacks(ThreadResolver(), allowed=(), https_only=True)
    return Submissions(database, new_publisher("memory://"), KeyRing(SECRET_KEYS), callbacks)


@pytest.fixture
async def runs(database: Database, redis_url: str) -> AsyncGenerator[Runs]:
    """A worker child's runs."""
    redis = open_redis(redis_url)
    teller = Teller(database, new_publisher("memory://"), BASE_URL)
    yield Runs(database, Results(redis, ttl=60), ProgressBoard(redis, ttl=60), teller, ME, 15)
    await redis.aclose()


def wish(**input_: JsonValue) -> TaskWish:
    return TaskWish(type=NAME, input=input_, written=msgspec.json.encode(input_), metadata={})


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(("field", "queue"), [("old", "default"), ("new", "reports")])
async def test_an_input_that_any_live_version_takes_is_accepted(
    submissions: Submissions, tenant: TenantId, field: str, queue: str
) -> None:
    made = await submissions.submit(tenant, wish(**{field: 1}), status=303)

    assert (made.made, made.task.queue) == (True, queue)


@pytest.mark.usefixtures("both")
async def test_an_input_that_no_version_takes_is_refused_as_the_newest_refuses_it(
    submissions: Submissions, tenant: TenantId
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await submissions.submit(tenant, wish(new="x"), status=303)

    assert [one.pointer for one in refused.value.errors] == ["/input/new"]


@pytest.mark.usefixtures("both")
async def test_an_input_of_a_version_that_is_offered_no_more_is_refused(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    await unseen_for(rows, OLD, 60)

    with pytest.raises(InvalidInputError):
        await submissions.submit(tenant, wish(old=1), status=303)


@pytest.mark.usefixtures("both")
async def test_while_no_worker_is_there_nothing_is_forgotten(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    await unseen_for(rows, OLD, 9_999)
    await unseen_for(rows, NEW, 9_999)

    assert (await submissions.submit(tenant, wish(old=1), status=303)).made


@pytest.mark.usefixtures("both")
async def test_the_newest_is_shown_though_the_old_one_was_seen_last(database: Database) -> None:
    await offer(database, OLD)

    async with database.engine() as tx:
        assert await read_task_type(tx, name=NAME) == NEW
        assert await list_task_types(tx) == (NEW,)
    assert await fields_of(database) == ["['new']", "['old']"]


@pytest.mark.usefixtures("both")
async def test_after_a_step_back_the_old_version_is_shown(database: Database, rows: Rows) -> None:
    await unseen_for(rows, NEW, 60)

    assert await fields_of(database) == ["['old']"]


@pytest.mark.usefixtures("both")
async def test_a_version_that_is_offered_again_is_live_again(database: Database, rows: Rows) -> None:
    await unseen_for(rows, OLD, 60)

    await offer(database, OLD)

    assert await fields_of(database) == ["['new']", "['old']"]


@pytest.mark.parametrize(("every", "times"), [(0, 3), (60, 1)])
async def test_a_worker_says_again_and_again_what_it_offers(database: Database, every: float, times: int) -> None:
    keeping = Keeping(TimeLimits(Settings(broker_url="memory://")), leased_by=ME, register_every=every)

    await keeping.keeper.turn(database)
    await keeping.keeper.turn(database)
    await keeping.keeper.turn(database)

    assert keeping.registered == times


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

    await runs.leave_to_others(OLD, task, MISFIT)

    found = await rows.one("SELECT extract(EPOCH FROM due_at - now())::FLOAT8 AS delay FROM tasks")
    assert least - 0.2 <= float(str(found["delay"])) <= most + 0.2


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
