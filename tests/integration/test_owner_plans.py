"""What an owner asks costs what the owner has, not what the tenant has."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Role, open_engine
from core.journal.event_queries import First, list_firsts, look_events, read_firsts
from core.journal.events import EventFilter, EventRecord
from core.journal.look_queries import LOOK_BACK, Found
from core.journal.queries import list_attempts, list_deliveries, read_delivery
from core.journal.read import DeliveryFilter
from core.model.ids import DeliveryId, EndpointId, EventId, TenantId
from core.registry.queries import read_endpoint, read_secret
from tests.conftest import TEMPLATE
from tests.support.plans import blocks_of_all, indexes, plan_of, read_whole
from tests.support.stores import PostgresServer, ask

# One tenant with 3,000 endpoints of 1,000 owners, and 30,000 deliveries; then 50,000 events for one of them alone.
TENANT = TenantId(UUID(int=7 << 76 | 2 << 62))
FILL = """
INSERT INTO tenants (id, slug, name) SELECT '{tenant}', 'acme', 'Acme';
INSERT INTO endpoints (id, tenant_id, url, event_types, signature, max_in_flight, ordering, status, owner)
SELECT ringback_uuid7(), t.id, 'https://example.com/', '{}', 'hmac', 50, 'none', 'enabled', 'owner-' || n % 1000
FROM tenants t, generate_series(1, 3000) n;
INSERT INTO secrets (id, tenant_id, endpoint_id, kind, sealed)
SELECT ringback_uuid7(), tenant_id, id, 'hmac', 'sealed' FROM endpoints;
INSERT INTO events (id, tenant_id, type, timestamp, body, data_offset, data_length)
SELECT ringback_uuid7(), t.id, 'order.paid', now(), '{"data":{}}', 8, 2 FROM tenants t, generate_series(1, 10000);
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, succeeded_at,
                        finished_at)
SELECT ringback_uuid7(), e.tenant_id, v.id, 'order.paid', e.id, e.id, 'succeeded', 'first', now(), now()
FROM (SELECT *, row_number() OVER () AS n FROM endpoints) e
JOIN (SELECT *, row_number() OVER () AS n FROM events) v ON v.n % 3000 = e.n % 3000, generate_series(1, 3) g;
INSERT INTO attempts (delivery_id, number, id, tenant_id, trigger, outcome, request_url, request_headers, started_at,
                      transaction)
SELECT id, 1, ringback_uuid7(), tenant_id, 'first', 'succeeded', 'https://example.com/', '{}', now(), 1
FROM deliveries;
INSERT INTO events (id, tenant_id, type, timestamp, body, data_offset, data_length)
SELECT ringback_uuid7(), t.id, 'order.paid', now(), '{"data":{}}', 8, 2 FROM tenants t, generate_series(1, 50000);
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, succeeded_at,
                        finished_at)
SELECT ringback_uuid7(), e.tenant_id, v.id, 'order.paid', e.id, e.id, 'succeeded', 'first', now(), now()
FROM (SELECT * FROM endpoints WHERE owner = 'owner-8' LIMIT 1) e, events v ORDER BY v.id DESC LIMIT 50000;
ANALYZE tenants, endpoints, secrets, events, deliveries, attempts;
"""
BLOCKS = 1_000
RARE = EventFilter(type="order.lost")
OWNED = "endpoints_tenant_id_owner_id_idx"


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Generator[str]:
    """A tenant of many owners."""
    url = postgres.create_database("owner_plans", TEMPLATE)
    ask(postgres.store.url_of("owner_plans", user="postgres"), FILL.replace("{tenant}", str(TENANT)))
    yield url
    postgres.drop_database("owner_plans")


@pytest.fixture
async def owner(filled: str) -> AsyncGenerator[AsyncConnection]:
    """A transaction of one owner."""
    async with open_engine(filled, Role.ENGINE, pooled=False).connect() as tx:
        sql = "SELECT set_config('ringback.tenant', :id, true), set_config('ringback.owner', 'owner-7', true)"
        await tx.execute(text(sql), {"id": str(TENANT)})
        await tx.execute(text(f"SET LOCAL ROLE {Role.TENANT.value}"))
        yield tx
        await tx.rollback()


async def one_of(tx: AsyncConnection, table: str) -> UUID:
    """Return the ID of something that the owner sees."""
    return UUID(str(await tx.scalar(text(f"SELECT id FROM {table} LIMIT 1"))))


async def deliveries(tx: AsyncConnection) -> object:
    return await list_deliveries(tx, wanted=DeliveryFilter(), before=None, limit=51, of_owner=True)


async def events(tx: AsyncConnection, wanted: EventFilter, *, of_owner: bool = True) -> Found[EventRecord]:
    return await look_events(tx, tenant_id=TENANT, wanted=wanted, before=None, limit=51, of_owner=of_owner)


async def exhausted(tx: AsyncConnection) -> object:
    wanted = DeliveryFilter(status="exhausted")
    return await list_deliveries(tx, wanted=wanted, before=DeliveryId(UUID(int=1 << 127)), limit=51, of_owner=True)


PLANS: dict[str, tuple[str, Callable[[AsyncConnection, UUID], Awaitable[object]], set[str]]] = {
    "deliveries": ("endpoints", lambda tx, _: deliveries(tx), {OWNED, "deliveries_endpoint_id_id_idx"}),
    "filtered": ("endpoints", lambda tx, _: exhausted(tx), {OWNED, "deliveries_troubled_idx"}),
    "first deliveries": (
        "endpoints",
        lambda tx, _: list_firsts(tx, tenant_id=TENANT, wanted=EventFilter(), before=None, look=204, limit=51),
        {OWNED, "deliveries_endpoint_id_id_idx", "deliveries_event_id_idx"},
    ),
    "their events": (
        "events",
        lambda tx, id_: read_firsts(tx, tenant_id=TENANT, wanted=EventFilter(), firsts=[First(id_, EventId(id_))]),
        {"deliveries_event_id_idx"},
    ),
    "delivery": ("deliveries", lambda tx, id_: read_delivery(tx, delivery_id=DeliveryId(id_)), {"deliveries_pkey"}),
    "attempts": (
        "deliveries",
        lambda tx, id_: list_attempts(tx, delivery_id=DeliveryId(id_), after=None, limit=51),
        {"attempts_pkey", "deliveries_pkey", "events_pkey"},
    ),
    "endpoint": ("endpoints", lambda tx, id_: read_endpoint(tx, endpoint_id=EndpointId(id_)), {"endpoints_pkey"}),
    "secret": (
        "endpoints",
        lambda tx, id_: read_secret(tx, endpoint_id=EndpointId(id_)),
        {"secrets_tenant_id_endpoint_id_idx"},
    ),
}


@pytest.mark.parametrize("name", PLANS)
async def test_what_an_owner_reads_is_found_by_an_index(owner: AsyncConnection, name: str) -> None:
    table, run, named = PLANS[name]
    id_ = await one_of(owner, table)

    plan = await plan_of(owner, lambda: run(owner, id_))

    used = await indexes(owner, plan)
    assert named <= used
    assert "deliveries_tenant_id_id_idx" not in used
    assert await read_whole(owner, plan) == set()


async def test_an_owner_lists_its_own_deliveries_newest_first(owner: AsyncConnection) -> None:
    found = await list_deliveries(owner, wanted=DeliveryFilter(), before=None, limit=20, of_owner=True)

    seen = await owner.scalars(text("SELECT id FROM deliveries ORDER BY id DESC LIMIT 20"))
    assert [one.id for one in found] == list(seen)
    assert len(found) == 20


@pytest.mark.parametrize(
    "wanted",
    [
        EventFilter(),
        EventFilter(type="order.paid"),
        RARE,
        EventFilter(ordering_key="a"),
        EventFilter(created_after=datetime(2020, 1, 1, tzinfo=UTC)),
        EventFilter(created_before=datetime(2020, 1, 1, tzinfo=UTC)),
        EventFilter(client_id="42"),
    ],
    ids=["all", "type", "rare type", "ordering key", "after", "before", "client's ID"],
)
async def test_a_list_of_an_owners_events_does_not_read_those_of_others(
    owner: AsyncConnection, wanted: EventFilter
) -> None:
    assert await blocks_of_all(owner, lambda: events(owner, wanted)) < BLOCKS


async def test_an_owner_lists_its_own_events(owner: AsyncConnection) -> None:
    found = await events(owner, EventFilter())

    seen = await owner.scalars(text("SELECT DISTINCT event_id FROM deliveries"))
    assert sorted(one.id for one in found.rows) == sorted(seen)
    assert (len(found.rows), found.beyond) == (10, None)


async def test_a_page_of_an_owner_does_not_read_all_that_the_owner_has(owner: AsyncConnection) -> None:
    await owner.execute(text("SELECT set_config('ringback.owner', 'owner-8', true)"))

    read = [await blocks_of_all(owner, partial(events, owner, wanted)) for wanted in (EventFilter(), RARE)]

    assert read[0] < 2 * BLOCKS
    assert read[1] < BLOCKS + LOOK_BACK / 3  # it has three endpoints


@pytest.mark.parametrize("wanted", [DeliveryFilter(), DeliveryFilter(status="succeeded")], ids=["all", "succeeded"])
async def test_a_page_of_an_owners_deliveries_does_not_read_all_that_the_owner_has(
    owner: AsyncConnection, wanted: DeliveryFilter
) -> None:
    await owner.execute(text("SELECT set_config('ringback.owner', 'owner-8', true)"))

    page = partial(list_deliveries, owner, wanted=wanted, before=None, limit=51, of_owner=True)

    assert await blocks_of_all(owner, page) < BLOCKS
