"""A unique key whose holder ends while another asks for it."""

import pytest

from core.database import Database
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
