"""Acceptance: one statement records events and fans them out."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError

from core.intake.accept import NewEvent, lane_of_url
from core.intake.judge import Judge, accept_events
from core.model import tables
from core.model.ids import EventId, TaskId, TenantId
from core.model.queued import Queued
from tests.support.rows import Rows

DATA = '{ "b":1.0, "a":"\\u00e9 é",\n "b":2 }'.encode()
URL = "https://receiver.example/hook"


class Desk:
    """Accepts events of one tenant, and tells who gets them."""

    def __init__(self, rows: Rows, tenant: TenantId) -> None:
        self.rows = rows
        self.tenant = tenant
        self.judge = Judge()

    def event(self, type_: str = "order.paid", **more: object) -> NewEvent:
        """Return a new event, not recorded yet."""
        given: dict[str, object] = {"timestamp": datetime(2026, 1, 1, tzinfo=UTC), "data": DATA, **more}
        return NewEvent(id=EventId(self.rows.new_id()), tenant_id=self.tenant, type=type_, **given)  # pyright: ignore[reportArgumentType] - a test names what it changes

    async def accept(self, *events: NewEvent, publish: bool = True) -> tuple[Queued, ...]:
        """Record events; return what is due."""
        async with self.rows.database.engine() as tx:
            return await accept_events(tx, judge=self.judge, events=events, publish=publish)

    async def told(self, event: NewEvent) -> list[object]:
        """Return the endpoints that an event has deliveries for."""
        found = await self.rows.all("SELECT endpoint_id FROM deliveries WHERE event_id = :id ORDER BY id", id=event.id)
        return [row["endpoint_id"] for row in found]


@pytest.fixture
async def desk(rows: Rows) -> Desk:
    """A tenant whose events are accepted."""
    return Desk(rows, await rows.tenant())


@pytest.mark.parametrize(
    ("subscription", "type_", "wanted"),
    [
        (["order.paid"], "order.paid", True),
        (["order.paid"], "order.paid.twice", False),
        (["order.paid"], "order", False),
        (["order.*"], "order.paid", True),
        (["order.*"], "order.paid.twice", True),
        (["order.*"], "order", False),
        (["order.*"], "orders.paid", False),
        (["order.paid.*"], "order.paid", False),
        (["user.made", "order.*"], "order.paid", True),
        (["order.*", "order.paid"], "order.paid", True),
        (["ORDER.paid"], "order.paid", False),
        ([], "order.paid", True),
        ([], "task.failed", True),
        ([], "endpoint.disabled", False),
        ([], "delivery.exhausted", False),
        (["task.*"], "delivery.exhausted", False),
        (["endpoint.*"], "endpoint.disabled", True),
        (["delivery.exhausted"], "delivery.exhausted", True),
    ],
)
async def test_an_endpoint_gets_what_it_subscribed_to_once(
    rows: Rows, desk: Desk, subscription: list[str], type_: str, *, wanted: bool
) -> None:
    endpoint = await rows.endpoint(desk.tenant, event_types=subscription)
    event = desk.event(type_)

    await desk.accept(event)

    assert await desk.told(event) == [endpoint] * wanted


async def test_a_paused_endpoint_gets_a_delivery_that_waits(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant, status="paused")

    (queued,) = await desk.accept(desk.event())

    assert (await rows.row(tables.deliveries, queued.delivery_id))["status"] == "pending"


async def test_a_disabled_endpoint_gets_a_delivery_that_is_cancelled_at_once(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant, status="disabled", disabled_reason="gone")

    queued = await desk.accept(desk.event())

    delivery = await rows.one("SELECT status, reason, due_at, published_until, finished_at = now() FROM deliveries")
    assert queued == ()
    assert delivery["status"] == "cancelled"
    assert delivery["reason"] == "endpoint_disabled"
    assert (delivery["due_at"], delivery["published_until"]) == (None, None)


async def test_a_deleted_endpoint_gets_nothing(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant, deleted_at=func.now())
    event = desk.event()

    await desk.accept(event)

    assert await desk.told(event) == []


async def test_an_endpoint_of_another_tenant_gets_nothing(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(await rows.tenant(), event_types=["order.paid"])
    event = desk.event()

    await desk.accept(event)

    assert await desk.told(event) == []


async def test_the_url_of_a_task_gets_its_event_beside_the_endpoints(rows: Rows, desk: Desk) -> None:
    endpoint = await rows.endpoint(desk.tenant)
    event = desk.event("task.failed", task_id=TaskId(uuid4()), webhook_url=URL)

    queued = await desk.accept(event)

    direct = await rows.one("SELECT url, lane, task_id FROM deliveries WHERE endpoint_id IS NULL")
    assert direct == {"url": URL, "lane": lane_of_url(desk.tenant, URL), "task_id": event.task_id}
    assert {one.lane for one in queued} == {endpoint, direct["lane"]}


@pytest.mark.parametrize("origin", ["https://receiver.example", "http://Receiver.Example.:8443"])
def test_urls_on_one_host_share_a_lane_that_no_other_tenant_has(origin: str) -> None:
    tenant = uuid4()

    assert lane_of_url(tenant, f"{origin}/other?x=1") == lane_of_url(tenant, URL)
    assert lane_of_url(uuid4(), URL) != lane_of_url(tenant, URL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://receiver.example/", "https://a.receiver.example/"),
        ("https://[2001:db8::1]/", "https://[2001:db8::2]/"),
    ],
)
def test_urls_on_two_hosts_have_two_lanes(one: str, other: str) -> None:
    tenant = uuid4()

    assert lane_of_url(tenant, one) != lane_of_url(tenant, other)


async def test_an_event_counts_its_deliveries(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant)
    await rows.endpoint(desk.tenant, status="disabled", disabled_reason="gone")
    await rows.endpoint(desk.tenant, event_types=["other"])
    event = desk.event(task_id=TaskId(uuid4()), webhook_url=URL)

    await desk.accept(event)

    assert (await rows.row(tables.events, event.id))["deliveries"] == 3


async def test_the_body_holds_the_data_byte_for_byte(rows: Rows, desk: Desk) -> None:
    event = desk.event()

    await desk.accept(event)

    row = await rows.one(
        "SELECT body, substring(body FROM data_offset + 1 FOR data_length) AS data FROM events WHERE id = :id",
        id=event.id,
    )
    assert row["data"] == DATA
    assert row["body"] == b'{"type":"order.paid","timestamp":"2026-01-01T00:00:00.000Z","data":' + DATA + b"}"


async def test_the_sequence_follows_the_lines(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant)
    await rows.endpoint(desk.tenant)
    events = [desk.event() for _ in range(20)]

    await desk.accept(*events)

    told = await rows.all("SELECT event_id FROM deliveries ORDER BY sequence")
    assert [row["event_id"] for row in told] == [event.id for event in events for _ in range(2)]


async def test_events_of_several_tenants_are_accepted_by_one_statement(rows: Rows, desk: Desk) -> None:
    other = Desk(rows, await rows.tenant())
    mine, theirs = await rows.endpoint(desk.tenant), await rows.endpoint(other.tenant)
    first, second = desk.event(), other.event()

    await desk.accept(first, second)

    assert (await desk.told(first), await other.told(second)) == ([mine], [theirs])


async def test_an_event_reaches_a_thousand_endpoints_by_one_statement(rows: Rows, desk: Desk) -> None:
    await rows.all(
        """
        INSERT INTO endpoints (id, tenant_id, url, event_types, signature, max_in_flight, ordering, status)
        SELECT ringback_uuid7(), :tenant, 'https://example.com/', '{order.*}', 'hmac', 50, 'none', 'enabled'
        FROM generate_series(1, 1000) RETURNING 1
        """,
        tenant=desk.tenant,
    )

    queued = await desk.accept(desk.event())

    assert len({one.lane for one in queued}) == 1000


@pytest.mark.parametrize(("publish", "published"), [(True, 30.0), (False, None)])
async def test_what_is_published_now_is_left_alone_by_the_feeder_for_half_a_minute(
    rows: Rows, desk: Desk, *, publish: bool, published: float | None
) -> None:
    await rows.endpoint(desk.tenant)

    await desk.accept(desk.event(), publish=publish)

    row = await rows.one("SELECT extract(EPOCH FROM published_until - due_at)::FLOAT8 AS seconds FROM deliveries")
    assert row["seconds"] == published


async def test_a_refused_event_leaves_nothing_of_its_batch(rows: Rows, desk: Desk) -> None:
    await rows.endpoint(desk.tenant)

    with pytest.raises(IntegrityError, match="events_type"):
        await desk.accept(desk.event(), desk.event("t" * 129))

    left = "SELECT (SELECT count(*) FROM deliveries) AS deliveries, (SELECT count(*) FROM events) AS events"
    assert await rows.one(left) == {"deliveries": 0, "events": 0}
