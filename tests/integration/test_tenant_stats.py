"""What an overview costs: the rows of the tenant's own counts, whatever other tenants have."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Role, open_engine
from core.journal.missed_queries import count_recoverable
from core.journal.tenant_stats_queries import read_event_rate, read_spans, read_tenant_backlog, read_troubled
from core.model.ids import EndpointId
from tests.conftest import TEMPLATE
from tests.support.plans import indexes, plan_of, read_whole
from tests.support.stores import PostgresServer, ask

# A hundred tenants with ten endpoints each, a hundred buckets of each endpoint, and 30,000 events and deliveries.
FILL = """
INSERT INTO tenants (id, slug, name) SELECT ringback_uuid7(), 't-' || n, 'T' FROM generate_series(1, 100) n;
INSERT INTO endpoints (id, tenant_id, url, event_types, signature, max_in_flight, ordering, status)
SELECT ringback_uuid7(), t.id, 'https://example.com/', '{}', 'hmac', 50, 'none', 'enabled'
FROM tenants t, generate_series(1, 10) n;
INSERT INTO rollups (lane, bucket, tenant_id, succeeded, failed, unknown, timeout, connect, tls, dns, blocked_address,
                     too_large, protocol, http_status, latencies)
SELECT id, date_bin('5 min', now(), TIMESTAMPTZ '2000-01-01Z') - n * INTERVAL '5 min', tenant_id, 9, 1, 0, 1, 0, 0, 0,
       0, 0, 0, 0, array_fill(1, ARRAY[32])
FROM endpoints, generate_series(1, 100) n;
INSERT INTO events (id, tenant_id, type, timestamp, body, data_offset, data_length)
SELECT ringback_uuid7(), t.id, 'order.paid', now(), '{"data":{}}', 8, 2 FROM tenants t, generate_series(1, 300) n;
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, due_at)
SELECT ringback_uuid7(), e.tenant_id, v.id, 'order.paid', e.id, e.id, 'pending', 'first', now()
FROM (SELECT *, row_number() OVER () AS n FROM endpoints) e
JOIN (SELECT *, row_number() OVER () AS n FROM events) v ON v.n % 1000 = e.n % 1000;
ANALYZE tenants, endpoints, rollups, events, deliveries;
"""
OWN = "rollups_tenant_id_bucket_idx"


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Generator[str]:
    """A hundred tenants."""
    url = postgres.create_database("tenant_stats", TEMPLATE)
    ask(postgres.store.url_of("tenant_stats", user="postgres"), FILL)
    yield url
    postgres.drop_database("tenant_stats")


@pytest.fixture
async def tenant(filled: str) -> AsyncGenerator[AsyncConnection]:
    """A transaction of one tenant."""
    async with open_engine(filled, Role.ENGINE, pooled=False).connect() as tx:
        found = await tx.scalar(text("SELECT id FROM tenants LIMIT 1"))
        await tx.execute(text("SELECT set_config('ringback.tenant', :id, true)"), {"id": str(found)})
        await tx.execute(text(f"SET LOCAL ROLE {Role.TENANT.value}"))
        yield tx
        await tx.rollback()


PLANS: dict[str, tuple[Callable[[AsyncConnection], Awaitable[object]], set[str]]] = {
    "spans": (lambda tx: read_spans(tx, seconds=3600, step=300), {OWN}),
    "failing": (lambda tx: read_troubled(tx, seconds=3600, step=300), {OWN}),
    "backlog": (read_tenant_backlog, {OWN, "deliveries_due_idx", "endpoints_living_idx"}),
    "rate": (read_event_rate, {"events_tenant_id_id_idx"}),
}


@pytest.mark.parametrize("name", PLANS)
async def test_an_overview_reads_the_tenants_own_rows_by_an_index(tenant: AsyncConnection, name: str) -> None:
    run, named = PLANS[name]

    plan = await plan_of(tenant, lambda: run(tenant))

    assert named <= await indexes(tenant, plan)
    assert await read_whole(tenant, plan) == set()


async def test_a_preview_reads_what_was_missed_by_its_index(tenant: AsyncConnection) -> None:
    endpoint: EndpointId | None = await tenant.scalar(text("SELECT id FROM endpoints LIMIT 1"))
    assert endpoint is not None

    plan = await plan_of(tenant, lambda: count_recoverable(tenant, endpoint_id=endpoint, since=None, until=None))

    assert "deliveries_recoverable_idx" in await indexes(tenant, plan)


async def test_the_counts_are_the_tenants_own(tenant: AsyncConnection) -> None:
    spans = await read_spans(tenant, seconds=3600, step=300)
    backlog = await read_tenant_backlog(tenant)
    failing = await read_troubled(tenant, seconds=3600, step=300)

    assert (sum(span.succeeded for span in spans), sum(span.failed for span in spans)) == (12 * 10 * 9, 12 * 10)
    assert backlog.waiting == 300
    assert [one.failed for one in failing] == [12] * 10
