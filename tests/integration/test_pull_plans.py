"""What pulling costs does not grow with what waits, of this endpoint or of others."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Role, open_engine
from core.lease.lane_queries import due_of_lane
from core.lease.pull_queries import asked_of_lane, lanes_with_due, read_held, read_pull_target
from core.lease.queries import claim_deliveries
from core.model.ids import EndpointId
from tests.conftest import TEMPLATE
from tests.support.plans import indexes, plan_of, read_whole
from tests.support.stores import PostgresServer, ask

# One tenant with 300 endpoints to pull from, and 100 deliveries of each that are due; of some somebody has asked.
FILL = """
INSERT INTO tenants (id, slug, name) SELECT ringback_uuid7(), 'acme', 'Acme';
INSERT INTO endpoints (id, tenant_id, mode, url, event_types, signature, max_in_flight, ordering, status)
SELECT ringback_uuid7(), t.id, 'pull', '', '{}', 'hmac', 50, 'none', 'enabled' FROM tenants t, generate_series(1, 300);
INSERT INTO secrets (id, tenant_id, endpoint_id, kind, sealed)
SELECT ringback_uuid7(), tenant_id, id, 'hmac', 'sealed' FROM endpoints;
INSERT INTO events (id, tenant_id, type, timestamp, body, data_offset, data_length)
SELECT ringback_uuid7(), t.id, 'order.paid', now(), '{"data":{}}', 8, 2 FROM tenants t, generate_series(1, 10000);
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, due_at)
SELECT ringback_uuid7(), e.tenant_id, v.id, 'order.paid', e.id, e.id, 'pending',
       CASE WHEN v.n % 1000 = 0 THEN 'resend' ELSE 'first' END, now()
FROM (SELECT *, row_number() OVER () AS n FROM endpoints) e
JOIN (SELECT *, row_number() OVER () AS n FROM events) v ON v.n % 300 = e.n % 300, generate_series(1, 3) g;
ANALYZE tenants, endpoints, secrets, events, deliveries;
"""


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Generator[str]:
    """A tenant whose partners do not come to pull."""
    url = postgres.create_database("pull_plans", TEMPLATE)
    ask(postgres.store.url_of("pull_plans", user="postgres"), FILL)
    yield url
    postgres.drop_database("pull_plans")


@pytest.fixture
async def tenant(filled: str) -> AsyncGenerator[AsyncConnection]:
    """A transaction of the tenant."""
    async with open_engine(filled, Role.ENGINE, pooled=False).connect() as tx:
        id_ = await tx.scalar(text("SELECT id FROM tenants"))
        await tx.execute(text("SELECT set_config('ringback.tenant', :id, true)"), {"id": str(id_)})
        await tx.execute(text(f"SET LOCAL ROLE {Role.TENANT.value}"))
        yield tx
        await tx.rollback()


async def some_of(tx: AsyncConnection, lane: UUID) -> list[UUID]:
    """Return a few deliveries of a lane."""
    return list(await tx.scalars(text("SELECT id FROM deliveries WHERE lane = :lane LIMIT 10"), {"lane": lane}))


async def claim_some(tx: AsyncConnection, ids: list[UUID]) -> object:
    return await claim_deliveries(tx, ids=ids, pulled=True, default_cap=50, default_timeout=15, lease=15)


Run = Callable[[AsyncConnection, UUID, list[UUID]], Awaitable[object]]
PLANS: dict[str, tuple[Run, set[str]]] = {
    "target": (lambda tx, lane, _: read_pull_target(tx, endpoint_id=EndpointId(lane)), {"endpoints_pkey"}),
    "asked": (lambda tx, lane, _: asked_of_lane(tx, lane=lane, limit=10), {"deliveries_asked_idx"}),
    "due": (lambda tx, lane, _: due_of_lane(tx, lane=lane, limit=200), {"deliveries_due_idx"}),
    "claim": (lambda tx, _, ids: claim_some(tx, ids), {"deliveries_pkey", "events_pkey", "endpoints_pkey"}),
    "held": (
        lambda tx, lane, ids: read_held(
            tx, endpoint_id=EndpointId(lane), claims=dict.fromkeys(ids, 1), default_timeout=15
        ),
        {"deliveries_leased_idx"},
    ),
    "arrivals": (lambda tx, lane, _: lanes_with_due(tx, lanes=[lane]), {"deliveries_due_idx"}),
}


@pytest.mark.parametrize("name", PLANS)
async def test_a_pull_finds_what_it_needs_by_an_index(tenant: AsyncConnection, name: str) -> None:
    run, named = PLANS[name]
    lane = UUID(str(await tenant.scalar(text("SELECT id FROM endpoints LIMIT 1"))))
    ids = await some_of(tenant, lane)

    plan = await plan_of(tenant, lambda: run(tenant, lane, ids))

    assert named <= await indexes(tenant, plan)
    assert await read_whole(tenant, plan) == set()
