"""A page looks at so many rows and no more; the pages together hold each row that fits, once."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest

from core.database import Database
from core.journal import look_queries
from core.journal.event_queries import look_events
from core.journal.events import EventFilter, EventRecord
from core.journal.export import Exports, Wanted
from core.journal.look_queries import Found
from core.journal.queries import TaskFilter, look_deliveries, look_tasks
from core.journal.read import DeliveryFilter, DeliveryRecord
from core.journal.tasks import TaskRecord
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, EventId, TaskId, TenantId
from core.redis import open_redis
from tests.support.rows import Rows
from tests.support.samples import ago

LOOK_BACK = 10
TYPES = ["rare.one" if n in {0, 1, 14, 29} else "common" for n in range(30)]
"""From the oldest on."""

Record = DeliveryRecord | EventRecord | TaskRecord
Look = Callable[[UUID | None, int], Awaitable[Found[DeliveryRecord] | Found[EventRecord] | Found[TaskRecord]]]


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page looks at few rows."""
    monkeypatch.setattr(look_queries, "LOOK_BACK", LOOK_BACK)


@pytest.fixture
async def made(rows: Rows, tenant: TenantId, endpoint: EndpointId) -> dict[str, list[UUID]]:
    """Things of each kind, few of which are looked for: those, newest first."""
    made: dict[str, list[UUID]] = {
        "deliveries": [await rows.delivery(tenant, endpoint, event_type=name) for name in TYPES],
        "tasks": [await rows.task(tenant, type=name) for name in TYPES],
        "events": [await rows.event(tenant, type=name) for name in TYPES],
    }
    return {kind: _rare(of_kind) for kind, of_kind in made.items()}


def _rare(made: list[UUID]) -> list[UUID]:
    return sorted((one for one, name in zip(made, TYPES, strict=True) if name != "common"), reverse=True)


@pytest.fixture
def look(request: pytest.FixtureRequest, database: Database, tenant: TenantId) -> Look:
    """Look for the rare ones of a kind."""

    async def deliveries(before: UUID | None, limit: int) -> Found[DeliveryRecord]:
        after = None if before is None else DeliveryId(before)
        async with database.tenant(tenant) as tx:
            return await look_deliveries(tx, wanted=DeliveryFilter(event_type="rare.one"), before=after, limit=limit)

    async def events(before: UUID | None, limit: int) -> Found[EventRecord]:
        after, wanted = None if before is None else EventId(before), EventFilter(type="rare.one")
        async with database.tenant(tenant) as tx:
            return await look_events(tx, tenant_id=tenant, wanted=wanted, before=after, limit=limit)

    async def tasks(before: UUID | None, limit: int) -> Found[TaskRecord]:
        after = None if before is None else TaskId(before)
        async with database.tenant(tenant) as tx:
            return await look_tasks(tx, wanted=TaskFilter(type="rare.one"), before=after, limit=limit)

    known: dict[str, Look] = {"deliveries": deliveries, "events": events, "tasks": tasks}
    return known[request.param]


async def walk(look: Look, *, limit: int) -> list[list[UUID]]:
    """Read a list to its end, as its cursors lead."""
    pages: list[list[UUID]] = []
    before: UUID | None = None
    while True:
        found = await look(before, limit)
        rows: Sequence[Record] = found.rows
        pages.append([one.id for one in rows])
        before = rows[-1].id if len(rows) == limit else found.beyond
        if before is None:
            return pages


KINDS = [(kind, kind) for kind in ("deliveries", "events", "tasks")]


@pytest.mark.parametrize("limit", [1, 2, 51])
@pytest.mark.parametrize(("look", "kind"), KINDS, indirect=["look"])
async def test_the_pages_hold_each_that_fits_once(
    look: Look, kind: str, made: dict[str, list[UUID]], limit: int
) -> None:
    pages = await walk(look, limit=limit)

    assert [one for page in pages for one in page] == made[kind]


@pytest.mark.parametrize(("look", "kind"), KINDS, indirect=["look"])
async def test_a_page_that_is_not_full_goes_on_where_it_stopped(
    look: Look, kind: str, made: dict[str, list[UUID]]
) -> None:
    found = await look(None, 51)

    assert [one.id for one in found.rows] == made[kind][:1]
    assert found.beyond is not None


@pytest.mark.parametrize(("look", "kind"), KINDS, indirect=["look"])
async def test_what_comes_in_meanwhile_shifts_nothing(
    look: Look, kind: str, made: dict[str, list[UUID]], rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    first = await look(None, 51)
    await rows.delivery(tenant, endpoint, event_type="rare.one")
    await rows.task(tenant, type="rare.one")
    await rows.event(tenant, type="rare.one")

    second = await look(first.beyond, 51)

    assert [one.id for one in [*first.rows, *second.rows]] == made[kind][:2]


async def test_a_page_of_events_ends_once_their_data_are_too_much(
    database: Database, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sorted([await rows.event(tenant) for _ in range(6)], reverse=True)
    await rows.change(tables.events, made[0], body=None, erased_at=ago(1))
    (size,) = {int(str(row["n"])) for row in await rows.all("SELECT data_length AS n FROM events")}
    monkeypatch.setattr("core.journal.look_queries.ROOM", 2 * size)

    async def events(before: UUID | None, limit: int) -> Found[EventRecord]:
        after = None if before is None else EventId(before)
        async with database.tenant(tenant) as tx:
            return await look_events(tx, tenant_id=tenant, wanted=EventFilter(), before=after, limit=limit)

    pages = await walk(events, limit=51)

    assert [len(page) for page in pages] == [3, 2, 1]
    assert [one for page in pages for one in page] == made


async def test_an_export_holds_all_that_fit(
    database: Database, redis_url: str, tenant: TenantId, made: dict[str, list[UUID]]
) -> None:
    redis = open_redis(redis_url)
    wanted = Wanted(tenant_id=tenant, owner=None, filter=DeliveryFilter(event_type="rare.one"))

    pages = [page async for page in Exports(database, redis, default_cap=50).pages(wanted)]

    assert [one.id for page in pages for one in page] == made["deliveries"]
    await redis.aclose()
