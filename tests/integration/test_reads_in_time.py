"""What is asked of Postgres before and after something is accepted counts into the time after which that is refused."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine

import pytest
from msgspec.structs import replace
from sqlalchemy import text

import core.intake.acceptance
from core.database import Database
from core.intake.acceptance import Acceptance
from core.intake.judge import Judge
from core.intake.schemas import Schemas
from core.intake.submit import Submissions
from core.model.ids import TenantId
from core.model.sealing import KeyRing
from core.registry.callbacks import Callbacks
from core.resolver import AresResolver
from tests.integration import test_event_group, test_group
from tests.integration.test_group import nowhere, offer_type
from tests.support.rows import Rows
from tests.support.stack import SECRET_KEYS

WITHIN = 0.2
"""Seconds: less than the second after which Postgres itself gives up a lock."""
LOCK = text("LOCK TABLE event_types, task_types IN ACCESS EXCLUSIVE MODE")
Act = Callable[[Database, TenantId], Coroutine[None, None, object]]


@pytest.fixture
async def patient(database: Database) -> AsyncGenerator[Database]:
    """The database; it is not closed before what was given up has ended, and what that begins to end with."""
    yield database
    while given_up := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(given_up)


@pytest.fixture
async def locked(rows: Rows, tenant: TenantId, patient: Database) -> AsyncGenerator[None]:
    """What is read beforehand hangs until the test ends, and ends then."""
    await offer_type(rows, tenant)
    async with patient.engine() as tx:
        await tx.execute(LOCK)
        yield


async def problems(database: Database, tenant: TenantId) -> object:
    return await Schemas(database, within=WITHIN).problems(tenant, test_event_group.wish())


async def accept(database: Database, tenant: TenantId) -> object:
    acceptance = Acceptance(database, nowhere(), Judge(), Schemas(database), within=WITHIN)
    return await acceptance.accept(tenant, test_event_group.wish())


async def submit(database: Database, tenant: TenantId) -> object:
    callbacks = Callbacks(AresResolver(), allowed=(), https_only=True)
    submissions = Submissions(database, nowhere(), KeyRing(SECRET_KEYS), callbacks, within=WITHIN)
    return await submissions.submit(tenant, test_group.wish(), status=303)


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("act", [problems, accept, submit])
async def test_a_read_that_hangs_refuses_in_time(act: Act, database: Database, tenant: TenantId) -> None:
    with pytest.raises(TimeoutError):
        await act(database, tenant)


async def hang(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def test_a_read_after_the_commit_that_hangs_refuses_in_time(
    patient: Database, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    acceptance = Acceptance(patient, nowhere(), Judge(), Schemas(patient), within=2)
    wish = replace(test_event_group.wish(), client_id="again")
    first = await acceptance.accept(tenant, wish)
    again = await acceptance.accept(tenant, wish)
    monkeypatch.setattr(core.intake.acceptance, "read_event", hang)

    with pytest.raises(TimeoutError):
        await acceptance.accept(tenant, wish)
    assert again.event.id == first.event.id


@pytest.mark.usefixtures("locked")
async def test_who_waits_for_the_end_of_a_read_before_theirs_is_refused_in_time(
    database: Database, tenant: TenantId
) -> None:
    schemas = Schemas(database, within=WITHIN)
    with pytest.raises(TimeoutError):
        await schemas.problems(tenant, test_event_group.wish())

    with pytest.raises(TimeoutError):
        await schemas.problems(tenant, test_event_group.wish())
