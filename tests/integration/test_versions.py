"""Two versions of a task type at once, as in a rolling upgrade: each input finds the worker that takes it."""

from dataclasses import replace

import msgspec
import pytest

from core.database import Database
from core.intake.submit import Submissions, TaskWish
from core.model.errors import InvalidInputError
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.model.sealing import KeyRing
from core.registry.callbacks import Callbacks
from core.registry.queries import list_task_types, read_task_type, read_task_versions
from core.registry.task_types import KNOWN_FOR, TaskType
from core.resolver import AresResolver
from core.settings import Settings
from tests.support.feeding import new_publisher
from tests.support.keeping import Keeping
from tests.support.rows import Rows
from tests.support.stack import SECRET_KEYS
from tests.support.versions import ME, NAME, NEW, OLD, offer, unseen_for
from workers.time_limits import TimeLimits

OTHER = replace(NEW, name="tests.other")


async def fields_of(database: Database) -> list[str]:
    """Return what each live version wants, newest first."""
    async with database.engine() as tx:
        versions = await read_task_versions(tx, name=NAME)
    return [str(one.input_schema["required"]) for one in versions]


async def shown(database: Database) -> tuple[TaskType | None, tuple[TaskType, ...]]:
    """Return what is shown of the type, and of all types."""
    async with database.engine() as tx:
        return await read_task_type(tx, name=NAME), await list_task_types(tx)


async def all_unseen_for(rows: Rows, seconds: int) -> None:
    """Have the last worker that offered any version of the type end so long ago."""
    await unseen_for(rows, OLD, seconds)
    await unseen_for(rows, NEW, seconds)


@pytest.fixture
def submissions(database: Database) -> Submissions:
    """An API's submits, without a broker."""
    callbacks = Callbacks(AresResolver(), allowed=(), https_only=True)
    return Submissions(database, new_publisher("memory://"), KeyRing(SECRET_KEYS), callbacks)


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
    await unseen_for(rows, OLD, 2 * KNOWN_FOR)
    await unseen_for(rows, NEW, 2 * KNOWN_FOR)

    assert (await submissions.submit(tenant, wish(old=1), status=303)).made


@pytest.mark.usefixtures("both")
async def test_a_type_that_only_other_workers_are_there_for_is_unknown_after_a_day(
    database: Database, submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    await all_unseen_for(rows, KNOWN_FOR + 9)
    await offer(database, OTHER)

    with pytest.raises(InvalidInputError) as refused:
        await submissions.submit(tenant, wish(new=1), status=303)

    assert [one.pointer for one in refused.value.errors] == ["/type"]
    assert await shown(database) == (None, (OTHER,))


@pytest.mark.usefixtures("both")
async def test_until_then_it_is_known(
    database: Database, submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    await all_unseen_for(rows, KNOWN_FOR - 9)
    await offer(database, OTHER)

    assert (await submissions.submit(tenant, wish(new=1), status=303)).made
    assert await shown(database) == (NEW, (OTHER, NEW))


@pytest.mark.usefixtures("both")
async def test_a_type_that_is_offered_again_is_known_again(database: Database, rows: Rows) -> None:
    await all_unseen_for(rows, KNOWN_FOR + 9)
    await offer(database, OTHER)

    await offer(database, OLD)

    assert await shown(database) == (OLD, (OTHER, OLD))


@pytest.mark.usefixtures("both")
async def test_the_newest_is_shown_though_the_old_one_was_seen_last(database: Database) -> None:
    await offer(database, OLD)

    assert await shown(database) == (NEW, (NEW,))
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
