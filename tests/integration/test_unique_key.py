"""A unique key whose holder ends, or waits too long, while another asks for it."""

import pytest

from core.database import Database, execute
from core.intake import queries
from core.intake.submit import TRIES, Submissions
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.errors import UnavailableError
from core.model.ids import TenantId
from core.model.sealing import KeyRing
from core.registry.callbacks import Callbacks
from core.resolver import AresResolver
from tests.integration.test_group import nowhere, offer_type, wish
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import SECRET_KEYS
from workers.queries import take_expired
from workers.start_queries import start_run


@pytest.fixture
async def submissions(database: Database, rows: Rows, tenant: TenantId) -> Submissions:
    await offer_type(rows, tenant)
    callbacks = Callbacks(AresResolver(), allowed=(), https_only=True)
    return Submissions(database, nowhere(), KeyRing(SECRET_KEYS), callbacks)


async def test_a_holder_that_ends_in_between_makes_room(
    submissions: Submissions, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await submissions.submit(tenant, wish(unique_key="k"), status=303)

    async def ends(*_: object, **__: object) -> TaskRecord | None:
        await rows.change(tables.tasks, held.task.id, status="REVOKED", due_at=None, finished_at=held.task.created_at)
        return None

    monkeypatch.setattr(queries, "read_by_unique_key", ends)
    made = await submissions.submit(tenant, wish(unique_key="k"), status=303)

    assert (made.made, made.task.id != held.task.id) == (True, True)


async def test_a_holder_past_the_retention_makes_room(submissions: Submissions, rows: Rows, tenant: TenantId) -> None:
    held = await submissions.submit(tenant, wish(unique_key="k"), status=303)
    past = {"status": "SUCCESS", "due_at": None, "finished_at": ago(31 * 86_400)}
    await rows.change(tables.tasks, held.task.id, **past)

    made = await submissions.submit(tenant, wish(unique_key="k"), status=303)

    assert (made.made, made.task.id != held.task.id) == (True, True)


async def test_a_holder_that_waited_too_long_makes_room_before_it_is_swept(
    submissions: Submissions, rows: Rows, database: Database, tenant: TenantId
) -> None:
    held = await submissions.submit(tenant, wish(unique_key="k"), status=303)
    await rows.change(tables.tasks, held.task.id, expires_at=ago(1))

    made = await submissions.submit(tenant, wish(unique_key="k"), status=303)

    async with database.engine() as tx:
        expired = await take_expired(tx, limit=10)
    assert (made.made, made.task.id != held.task.id) == (True, True)
    assert [one.id for one in expired] == [held.task.id]


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "RETRY", "run": 1, "started_at": ago(5)},
        {"status": "STARTED", "run": 1, "started_at": ago(5), "due_at": None, "lease_until": ago(-60)},
        {"status": "SUCCESS", "run": 1, "started_at": ago(5), "due_at": None, "finished_at": ago(2)},
        {"expires_at": ago(-60)},
    ],
    ids=["to be retried", "running", "ended", "in time"],
)
async def test_a_holder_that_did_not_wait_too_long_is_given_back(
    submissions: Submissions, rows: Rows, tenant: TenantId, columns: dict[str, object]
) -> None:
    held = await submissions.submit(tenant, wish(unique_key="k"), status=303)
    await rows.change(tables.tasks, held.task.id, **({"expires_at": ago(1)} | columns))

    again = await submissions.submit(tenant, wish(unique_key="k"), status=303)

    assert (again.made, again.task.id) == (False, held.task.id)


async def test_a_start_that_waited_while_the_key_was_taken_finds_the_task_expired(
    submissions: Submissions, rows: Rows, database: Database, tenant: TenantId
) -> None:
    held = await submissions.submit(tenant, wish(unique_key="k"), status=303)
    async with database.engine() as tx:
        await execute(tx, "SELECT now()")  # the transaction's time: before the task expires
        await rows.all("UPDATE tasks SET expires_at = clock_timestamp() RETURNING id")
        await submissions.submit(tenant, wish(unique_key="k"), status=303)

        assert await start_run(tx, task_id=held.task.id, leased_by="x", lease=15) is None


async def test_what_slips_away_each_time_is_refused_for_now(
    submissions: Submissions, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submissions.submit(tenant, wish(unique_key="k"), status=303)
    asked: list[object] = []

    async def slips(*_: object, **__: object) -> TaskRecord | None:
        asked.append(1)
        return None

    monkeypatch.setattr(queries, "read_by_unique_key", slips)

    with pytest.raises(UnavailableError):
        await submissions.submit(tenant, wish(unique_key="k"), status=303)
    assert len(asked) == TRIES
