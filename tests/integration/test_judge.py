"""Filters: what is written is what the present version of each filter says, whatever was remembered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import null
from sqlalchemy.ext.asyncio import AsyncConnection

from core.intake.accept import NewEvent
from core.intake.acceptance import Acceptance
from core.intake.event_queries import Line, insert_events
from core.intake.judge import EACH, HEAVY, Judge, accept_events
from core.intake.schemas import Schemas
from core.intake.verdicts import Verdict
from core.intake.wish import EventWish
from core.model import tables
from core.model.counted import Budget
from core.model.ids import EndpointId, EventId, TenantId
from tests.integration.test_group import nowhere
from tests.support.rows import Rows
from tests.support.stores import ask

OPEN = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'"""
BIG = "$.total"
PAID = {"path": "$.paid", "equals": True}


class Desk:
    """Accepts events of one tenant by what it remembers of the filters."""

    def __init__(self, rows: Rows, tenant: TenantId) -> None:
        self.rows = rows
        self.tenant = tenant
        self.judge = Judge()

    def event(self, data: bytes = b"{}", **more: object) -> NewEvent:
        """Return a new event."""
        given: dict[str, object] = {"type": "order.paid", "timestamp": datetime(2026, 1, 1, tzinfo=UTC), **more}
        return NewEvent(id=EventId(self.rows.new_id()), tenant_id=self.tenant, data=data, **given)  # pyright: ignore[reportArgumentType] - a test names what it changes

    async def told(self, *events: NewEvent) -> list[tuple[object, object]]:
        """Accept events; return which went to which endpoint, in the order of the lines."""
        async with self.rows.database.engine() as tx:
            await accept_events(tx, judge=self.judge, events=events, publish=False)
        found = await self.rows.all(
            "SELECT event_id, endpoint_id FROM deliveries WHERE tenant_id = :id ORDER BY sequence", id=self.tenant
        )
        return [(row["event_id"], row["endpoint_id"]) for row in found]

    async def refilter(self, endpoint: EndpointId, value: object, version: int) -> None:
        """Change an endpoint's filter."""
        await self.rows.change(tables.endpoints, endpoint, filter=value, filter_version=version)


@pytest.fixture
async def desk(rows: Rows, tenant: TenantId) -> Desk:
    return Desk(rows, tenant)


@pytest.mark.parametrize(
    ("filter_", "data", "wanted"),
    [
        (BIG, b'{"total":1}', True),
        (BIG, b"{}", False),
        (PAID, b'{"paid":true}', True),
        (PAID, b'{"paid":1}', False),
        ("$", b"null", True),
        ("this was taken once", b"{}", False),
    ],
)
async def test_an_endpoint_gets_what_its_filter_selects(
    rows: Rows, desk: Desk, filter_: object, data: bytes, *, wanted: bool
) -> None:
    endpoint = await rows.endpoint(desk.tenant, filter=filter_)
    event = desk.event(data)

    assert await desk.told(event) == [(event.id, endpoint)] * wanted


async def test_a_filter_judges_only_what_the_endpoint_subscribed_to(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant, filter="$", event_types=["other.*"])
    plain = await rows.endpoint(desk.tenant)
    event = desk.event()

    assert await desk.told(event) == [(event.id, plain)]


async def test_a_filter_that_has_changed_is_judged_again(rows: Rows, desk: Desk) -> None:
    endpoint = await rows.endpoint(desk.tenant, filter="$.a")
    await desk.told(desk.event())
    await desk.refilter(endpoint, "$.b", 2)
    event = desk.event(b'{"b":1}')

    assert await desk.told(event) == [(event.id, endpoint)]


class Overtaken(Judge):
    """Has the filter changed each time that it has learned it, or have the change wait if that is held."""

    def __init__(self, change: Callable[[int], Awaitable[None]]) -> None:
        super().__init__()
        self.version = 1
        self.waiting = list[asyncio.Task[None]]()
        self._change = change

    async def learn(self, tx: AsyncConnection, tenants: Sequence[UUID], *, hold: bool = False) -> None:
        await super().learn(tx, tenants, hold=hold)
        self.version += 1
        change = asyncio.ensure_future(self._change(self.version))
        await asyncio.wait([change], timeout=0.2 if hold else None)
        if not change.done():
            self.waiting.append(change)


async def test_filters_that_change_all_the_time_hold_no_event_up(rows: Rows, desk: Desk) -> None:
    endpoint = await rows.endpoint(desk.tenant, filter="$")
    desk.judge = judge = Overtaken(lambda version: desk.refilter(endpoint, f"$.a{version}", version))
    await desk.refilter(endpoint, "$", 1)
    event = desk.event(b'{"a4":1}')  # the filter that was there when it was held

    told = await desk.told(event)

    await asyncio.gather(*judge.waiting)
    assert told == [(event.id, endpoint)]
    assert (judge.version, len(judge.waiting)) == (5, 1)


async def test_many_filters_are_judged_where_nobody_waits_however_little_there_is_to_look_at(
    rows: Rows, desk: Desk
) -> None:
    made = [await rows.endpoint(desk.tenant, filter=f"$.a{n}") for n in range(HEAVY // EACH)]
    event = desk.event(b'{"a7":1}')

    assert await desk.told(event) == [(event.id, made[7])]
    assert desk.judge.at_once(desk.tenant, "order.paid", b"{}") is None


class Watching(Judge):
    """Looks how many transactions are open each time that it is asked."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.open = list[str]()
        self._url = url

    def at_once(
        self, tenant_id: TenantId, type_: str, data: bytes, budget: Budget | None = None
    ) -> tuple[Verdict, ...] | None:
        """Take all filters for heavy."""

    async def verdicts(
        self, tenant_id: TenantId, type_: str, data: bytes, budget: Budget | None = None
    ) -> tuple[Verdict, ...]:
        self.open.append(await asyncio.to_thread(ask, self._url, OPEN))
        return await super().verdicts(tenant_id, type_, data, budget)


async def test_no_transaction_is_open_while_a_batch_is_judged(rows: Rows, desk: Desk, database_url: str) -> None:
    endpoint = await rows.endpoint(desk.tenant, filter="$.a")
    judge = Watching(database_url)
    acceptance = Acceptance(rows.database, nowhere(), judge, Schemas(rows.database))
    wishes = [EventWish(type="order.paid", data=b'{"a":%d}' % n) for n in range(3)]

    outcomes, _ = await acceptance.accept_all(desk.tenant, wishes)

    made = [row["endpoint_id"] for row in await rows.all("SELECT endpoint_id FROM deliveries")]
    assert (len(outcomes), made) == (3, [endpoint] * 3)
    assert judge.open == ["0"] * 6  # before the filter was known, and once it was


async def test_a_filter_that_was_taken_away_holds_nothing_back(rows: Rows, desk: Desk) -> None:
    endpoint = await rows.endpoint(desk.tenant, filter="$.a")
    await desk.told(desk.event())
    await desk.refilter(endpoint, null(), 2)
    event = desk.event()

    assert await desk.told(event) == [(event.id, endpoint)]


async def test_an_event_without_the_verdicts_that_it_needs_writes_nothing(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant, filter="$")
    await rows.endpoint(desk.tenant)

    async with rows.database.engine() as tx:
        (found,), queued = await insert_events(tx, lines=[Line(desk.event())], publish=True, whole=False)

    assert (found.stale, found.made_at, queued) == (True, None, ())
    assert await rows.all("SELECT 1 FROM events UNION ALL SELECT 1 FROM deliveries") == ()


@pytest.mark.parametrize(("whole", "made"), [(False, [False, True]), (True, [False, False])])
async def test_a_stale_line_keeps_the_others_back_only_if_they_belong_together(
    rows: Rows, desk: Desk, *, whole: bool, made: list[bool]
) -> None:
    await rows.endpoint(desk.tenant, filter="$", event_types=["order.*"])
    lines = [Line(desk.event()), Line(desk.event(type="user.made"))]

    async with rows.database.engine() as tx:
        found, _ = await insert_events(tx, lines=lines, publish=True, whole=whole)

    assert [one.made_at is not None for one in found] == made


async def test_lines_keep_their_order_although_one_was_judged_twice(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant, filter="$", event_types=["order.*"])
    await rows.endpoint(desk.tenant)
    events = [desk.event(type=type_) for type_ in ("user.made", "order.paid", "user.made")]

    told = await desk.told(*events)

    assert [event for event, _ in told] == [event.id for event in (events[0], events[1], events[1], events[2])]


async def test_heavy_filters_are_judged_like_light_ones(rows: Rows, desk: Desk) -> None:
    endpoint = await rows.endpoint(desk.tenant, filter="$.last")
    event = desk.event(b'{"filler":"%b","last":1}' % (b"x" * 100_000))

    assert await desk.told(event) == [(event.id, endpoint)]


@pytest.mark.parametrize(
    ("filter_", "data", "at_once"),
    [
        ("$.a", b"{}", True),
        ("this was taken once", b"{}", True),
        ("$.a", b'"%b"' % (b"x" * HEAVY), False),
        ({"path": "$..*..*..*", "equals": 1}, b"[[[]]]", False),
    ],
    ids=["light", "not a filter any more", "much data", "many looks"],
)
async def test_only_what_is_light_is_judged_where_others_wait(
    rows: Rows, desk: Desk, filter_: object, data: bytes, *, at_once: bool
) -> None:
    endpoint = await rows.endpoint(desk.tenant, filter=filter_)
    await desk.told(desk.event())

    said = desk.judge.at_once(desk.tenant, "order.paid", data)

    assert said == ((Verdict(endpoint, 1, selected=False),) if at_once else None)
    assert await desk.judge.verdicts(desk.tenant, "order.paid", data) == (Verdict(endpoint, 1, selected=False),)


async def test_an_event_about_an_endpoint_does_not_go_to_it(rows: Rows, desk: Desk) -> None:
    wants: dict[str, object] = {"event_types": ["endpoint.*"]}
    about, other = await rows.endpoint(desk.tenant, **wants), await rows.endpoint(desk.tenant, **wants)
    event = desk.event(type="endpoint.disabled", about=about)

    assert await desk.told(event) == [(event.id, other)]
