"""The events of an owner: its pages hold each that came to its endpoints, once, however often and late it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest

from core.database import Database
from core.journal import look_queries
from core.journal.event_queries import look_events
from core.journal.events import EventFilter, EventRecord
from core.journal.look_queries import Found
from core.model import tables
from core.model.ids import EndpointId, EventId, TenantId
from tests.support.rows import Rows
from tests.support.samples import ago

LOOK_BACK = 10
ALL = EventFilter()


@dataclass
class Owned:
    """An owner with two endpoints, and another one, in one tenant."""

    rows: Rows
    tenant: TenantId
    own: Sequence[EndpointId]
    theirs: EndpointId

    async def event(self, *endpoints: EndpointId, **columns: object) -> EventId:
        """Make an event that comes to these endpoints, and to the other owner's."""
        made = await self.rows.event(self.tenant, **columns)
        await self.comes(made, *endpoints, self.theirs)
        return made

    async def comes(self, event: EventId, *endpoints: EndpointId) -> None:
        """Have an event come to endpoints: now."""
        kept = await self.rows.row(tables.events, event)
        copied = {"event_type": kept["type"], "ordering_key": kept["ordering_key"]}
        for endpoint in endpoints:
            await self.rows.delivery(self.tenant, endpoint, event_id=event, **copied)

    async def page(self, wanted: EventFilter, before: UUID | None, limit: int) -> Found[EventRecord]:
        """Read a page of the owner's list."""
        async with self.rows.database.tenant(self.tenant, "a") as tx:
            return await look_events(
                tx, tenant_id=self.tenant, wanted=wanted, before=before, limit=limit + 1, of_owner=True
            )

    async def walk(self, wanted: EventFilter = ALL, *, limit: int = 50) -> list[list[UUID]]:
        """Read the list to its end, as its cursors lead."""
        pages: list[list[UUID]] = []
        before: UUID | None = None
        while not pages or before is not None:
            found = await self.page(wanted, before, limit)
            pages.append([one.id for one in found.rows])
            before = found.beyond
        return pages

    async def all(self, wanted: EventFilter = ALL, *, limit: int = 50) -> list[UUID]:
        """Read the list to its end; return all that its pages hold."""
        return [one for page in await self.walk(wanted, limit=limit) for one in page]


@pytest.fixture
async def owned(database: Database, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch) -> Owned:
    """Two owners to whom nothing came yet; every page looks at few rows."""
    del database
    monkeypatch.setattr(look_queries, "LOOK_BACK", LOOK_BACK)
    first, second, theirs = [await rows.endpoint(tenant, owner=owner) for owner in ("a", "a", "b")]
    return Owned(rows, tenant, [first, second], theirs)


each_limit = pytest.mark.parametrize("limit", [1, 2, 3, 50])


@each_limit
async def test_the_pages_hold_each_event_of_the_owner_once(owned: Owned, limit: int) -> None:
    first, second = owned.own
    made = [await owned.event(*to) for _ in range(9) for to in ((first,), (second,), (first, second), ())]

    found = await owned.walk(limit=limit)

    assert [one for page in found for one in page] == [one for n, one in enumerate(made) if n % 4 != 3][::-1]
    assert [len(page) for page in found if len(page) > limit] == []


@each_limit
async def test_an_event_that_is_replayed_is_listed_once_and_where_it_was(owned: Owned, limit: int) -> None:
    first, second = owned.own
    made = [await owned.event(first) for _ in range(5)]
    await owned.comes(made[0], first, second, first)
    await owned.comes(made[3], second)

    assert await owned.all(limit=limit) == made[::-1]


@each_limit
async def test_an_event_that_came_by_a_replay_is_listed_where_it_came(owned: Owned, limit: int) -> None:
    first, _ = owned.own
    late = await owned.event()
    made = [await owned.event(first) for _ in range(12)]
    await owned.comes(late, first)
    last = await owned.event(first)

    assert await owned.all(limit=limit) == [last, late, *made[::-1]]


async def test_what_is_replayed_between_two_pages_is_neither_lost_nor_repeated(owned: Owned) -> None:
    first, second = owned.own
    made = [await owned.event(first) for _ in range(6)]
    before = await owned.page(ALL, None, 3)
    await owned.comes(made[0], second)
    await owned.comes(made[5], second)

    after = await owned.page(ALL, before.beyond, 3)

    assert [one.id for one in [*before.rows, *after.rows]] == made[::-1]
    assert after.beyond is None


@each_limit
async def test_few_that_fit_are_found_however_far_back(owned: Owned, limit: int) -> None:
    first, second = owned.own
    names = ["rare" if n in {0, 1, 14, 29} else "common" for n in range(30)]
    made = [await owned.event(first, second, type=name, ordering_key=name) for name in names]
    rare = [made[29], made[14], made[1], made[0]]

    assert await owned.all(EventFilter(type="rare"), limit=limit) == rare
    assert await owned.all(EventFilter(ordering_key="rare"), limit=limit) == rare


@each_limit
async def test_a_time_bounds_when_an_event_was_made(owned: Owned, limit: int) -> None:
    first, _ = owned.own
    old = await owned.event(created_at=ago(3600))
    made = [await owned.event(first) for _ in range(3)]
    await owned.comes(old, first)
    half_an_hour_ago = await owned.rows.one("SELECT now() - INTERVAL '30 min' AS at")
    at = half_an_hour_ago["at"]
    assert isinstance(at, datetime)

    found = [await owned.all(wanted, limit=limit) for wanted in (EventFilter(created_after=at), ALL)]

    assert found == [made[::-1], [old, *made[::-1]]]


async def test_a_clients_own_id_finds_its_event(owned: Owned) -> None:
    first, _ = owned.own
    made = await owned.event(first, client_id="42")
    await owned.event(client_id="43")

    assert await owned.walk(EventFilter(client_id="42")) == [[made]]
    assert await owned.walk(EventFilter(client_id="43")) == [[]]


async def test_a_page_ends_once_the_data_are_too_much(owned: Owned, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = owned.own
    made = [await owned.event(first) for _ in range(5)]
    (size,) = {int(str(row["n"])) for row in await owned.rows.all("SELECT data_length AS n FROM events")}
    monkeypatch.setattr("core.journal.look_queries.ROOM", 2 * size)

    found = await owned.walk()

    assert [len(page) for page in found] == [2, 2, 1]
    assert [one for page in found for one in page] == made[::-1]


async def test_an_owner_without_endpoints_has_no_events(owned: Owned, database: Database) -> None:
    await owned.event()

    async with database.tenant(owned.tenant, "c") as tx:
        found = await look_events(tx, tenant_id=owned.tenant, wanted=ALL, before=None, limit=51, of_owner=True)

    assert (list(found.rows), found.beyond) == ([], None)
