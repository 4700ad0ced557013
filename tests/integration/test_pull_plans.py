"""What pulling costs does not grow with what waits, of this endpoint or of others."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Role, open_engine
from core.lease.claim import Puller
from core.lease.lane_queries import due_of_lanes
from core.lease.pull_queries import asked_of_lane, due_in_lanes, read_held, read_pull_target
from core.lease.queries import claim_deliveries
from core.model.ids import EndpointId, TenantId
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


@dataclass(frozen=True)
class Look:
    """A transaction, and a lane with some of what waits in it."""

    tx: AsyncConnection
    tenant: TenantId
    lane: EndpointId
    ids: list[UUID]

    @property
    def puller(self) -> Puller:
        """Who pulls from the lane."""
        return Puller(self.tenant, None, self.lane)


@pytest.fixture
async def at(filled: str) -> AsyncGenerator[Look]:
    """A transaction of the engine, which becomes the tenant's where a role is set."""
    async with open_engine(filled, Role.ENGINE, pooled=False).connect() as tx:
        found = (await tx.execute(text("SELECT tenant_id, id FROM endpoints LIMIT 1"))).one()
        some = text("SELECT id FROM deliveries WHERE lane = :lane LIMIT 10")
        ids = list(await tx.scalars(some, {"lane": found.id}))
        await tx.execute(text("SELECT set_config('ringback.tenant', :id, true)"), {"id": str(found.tenant_id)})
        yield Look(tx, found.tenant_id, found.id, ids)
        await tx.rollback()


Run = Callable[[Look], Awaitable[object]]
PLANS: dict[str, tuple[Run, set[str]]] = {
    "target": (lambda at: read_pull_target(at.tx, endpoint_id=at.lane), {"endpoints_pkey"}),
    "asked": (
        lambda at: asked_of_lane(at.tx, tenant_id=at.tenant, lane=at.lane, limit=10),
        {"deliveries_asked_idx"},
    ),
    "due": (lambda at: due_of_lanes(at.tx, rooms={at.lane: 200}), {"deliveries_due_idx"}),
    "claim": (
        lambda at: claim_deliveries(at.tx, ids=at.ids, puller=at.puller, default_cap=50, default_timeout=15, lease=15),
        {"deliveries_pkey", "events_pkey", "endpoints_pkey"},
    ),
    "held": (
        lambda at: read_held(at.tx, puller=at.puller, claims=dict.fromkeys(at.ids, 1), default_timeout=15),
        {"deliveries_pkey"},
    ),
    "arrivals": (lambda at: due_in_lanes(at.tx, rooms={at.lane: 10}), {"deliveries_due_idx"}),
}
OF_A_TENANT = {"target": {"endpoints_pkey"}, "held": {"deliveries_pkey"}}
BY_ID = {"deliveries_tenant_id_id_idx": "deliveries_pkey"}
"""Indexes that find one row by its ID as well as another: which one is taken goes by the size of a partition."""


@pytest.mark.parametrize(
    ("name", "role", "named"),
    [
        *((name, Role.ENGINE, named) for name, (_, named) in PLANS.items()),
        *((name, Role.TENANT, named) for name, named in OF_A_TENANT.items()),
    ],
)
async def test_a_pull_finds_what_it_needs_by_an_index(at: Look, name: str, role: Role, named: set[str]) -> None:
    run, _ = PLANS[name]
    await at.tx.execute(text(f"SET LOCAL ROLE {role.value}"))

    plan = await plan_of(at.tx, lambda: run(at))

    assert named <= {BY_ID.get(used, used) for used in await indexes(at.tx, plan)}
    assert await read_whole(at.tx, plan) == set()
