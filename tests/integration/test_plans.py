"""Every hot statement uses the index that is named beside it, on tables that are not small."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Role, open_engine
from core.intake.notice_queries import tenants_that_ask
from core.intake.queries import count_due, count_waiting
from core.intake.withdraw import START
from core.intake.withdraw_queries import Wanted, withdraw_batch
from core.journal.event_queries import list_events
from core.journal.events import EventFilter
from core.journal.gauge_queries import (
    read_attempt_gauges,
    read_delivery_gauge,
    read_ended_gauges,
    read_endpoint_gauge,
    read_task_gauges,
)
from core.journal.queries import TaskFilter, list_deliveries, list_tasks
from core.journal.read import DeliveryFilter
from core.journal.record_queries import record_attempts
from core.journal.stats_queries import read_backlog, read_windows
from core.journal.success_queries import record_successes
from core.journal.waiting_queries import read_behind
from core.lease.lane_queries import due_of_lanes, next_in_order
from core.lease.queries import claim_deliveries
from core.model.ids import EndpointId, EventId, TaskId, TenantId
from core.registry.endpoint_queries import take_back
from core.registry.endpoints import EndpointFilter
from core.registry.event_type_queries import list_schema_versions
from core.registry.queries import list_endpoints
from tests.conftest import TEMPLATE
from tests.support.claiming import settled_of
from tests.support.plans import indexes, plan_of, read_whole
from tests.support.stores import PostgresServer, ask
from workers.feeder.delivery_queries import take_due_deliveries
from workers.feeder.queries import cancel_undeliverable, take_due_tasks, take_lapsed
from workers.queries import take_lost
from workers.start_queries import start_in_turn, start_untold
from workers.upkeep.health_queries import FailingRule, take_failing
from workers.upkeep.retention_queries import (
    delete_keys,
    delete_rollups,
    delete_tasks,
    empty,
    fold_rollups,
    hold_past_events,
    hold_unfinished,
)

# 200 tenants with 10 endpoints each; of 20,000 deliveries 2,000 wait, some 100 are on the wire, the rest have ended.
FILL = """
INSERT INTO tenants (id, slug, name) SELECT ringback_uuid7(), 't-' || n, 'Acme' FROM generate_series(1, 200) n;
INSERT INTO event_types (tenant_id, name, schema) SELECT id, 'n' || n, '{}' FROM tenants, generate_series(1, 50) n;
INSERT INTO endpoints (id, tenant_id, url, event_types, signature, max_in_flight, ordering, status)
SELECT ringback_uuid7(), t.id, 'https://example.com/', '{}', 'hmac', 50, 'none', 'enabled'
FROM tenants t, generate_series(1, 10);
INSERT INTO events (id, tenant_id, client_id, type, timestamp, body, data_offset, data_length)
SELECT ringback_uuid7(), t.id, 'c' || n, 'order.paid', now(), '{"data":{}}', 8, 2
FROM tenants t, generate_series(1, 20) n;
CREATE TEMP TABLE of_tenant AS SELECT DISTINCT ON (tenant_id) tenant_id, id FROM events;
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, due_at, lease_until,
                        succeeded_at, finished_at, task_id)
SELECT ringback_uuid7(), e.tenant_id, v.id, 'order.paid', e.id, e.id,
       CASE n WHEN 1 THEN 'pending' ELSE 'succeeded' END, 'first', CASE n WHEN 1 THEN now() END,
       CASE WHEN n = 1 AND random() < 0.05 THEN now() + INTERVAL '1 min' END,
       CASE WHEN n > 1 THEN now() END, CASE WHEN n > 1 THEN now() END, CASE n WHEN 2 THEN v.id END
FROM endpoints e JOIN of_tenant v USING (tenant_id), generate_series(1, 10) n;
INSERT INTO leases (lane, delivery_id, until) SELECT lane, id, now() + INTERVAL '1 min' FROM deliveries
WHERE due_at IS NOT NULL;
INSERT INTO tasks (id, tenant_id, type, queue, status, max_attempts, due_at, lease_until, finished_at)
SELECT ringback_uuid7(), t.id, 'math.divide', 'default',
       CASE n WHEN 1 THEN 'PENDING' WHEN 2 THEN 'STARTED' ELSE 'SUCCESS' END, 1, CASE n WHEN 1 THEN now() END,
       CASE n WHEN 2 THEN now() + INTERVAL '1 min' END, CASE WHEN n > 2 THEN now() - make_interval(hours => n) END
FROM tenants t, generate_series(1, 100) n;
INSERT INTO rollups (lane, bucket, tenant_id, succeeded, failed, unknown, timeout, connect, tls, dns, blocked_address,
                     too_large, protocol, http_status, latencies)
SELECT id, date_bin('300 s', now(), '2000-01-01Z') - n * INTERVAL '5 min', tenant_id, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
       array_fill(0, ARRAY[32]) FROM endpoints, generate_series(0, 9) n;
INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, expires_at)
SELECT t.id, 'request', n::TEXT, decode(repeat('00', 32), 'hex'), '{}', now() + INTERVAL '1 h'
FROM tenants t, generate_series(1, 100) n;
INSERT INTO endpoints
    (id, tenant_id, url, event_types, signature, max_in_flight, ordering, status, deleted_at, updated_at)
SELECT ringback_uuid7(), id, 'https://example.com/', '{}', 'hmac', 50, 'none', 'enabled', now(), now() - INTERVAL '1 d'
FROM tenants;
ANALYZE dedupe, rollups, tenants, endpoints, events, deliveries, leases, tasks;
"""
NONE: UUID = UUID(int=0)


@dataclass(frozen=True)
class Look:
    """A transaction on full tables, and IDs that are in them."""

    tx: AsyncConnection
    tenant: TenantId
    lane: UUID
    event: UUID
    waiting: UUID


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Generator[str]:
    """A database whose tables are not small."""
    url = postgres.create_database("plans", TEMPLATE)
    ask(postgres.store.url_of("plans", user="postgres"), FILL)
    yield url
    postgres.drop_database("plans")


async def looking(url: str, role: Role) -> AsyncGenerator[Look]:
    async with open_engine(url, Role.ENGINE, pooled=False).connect() as tx:
        found = await tx.execute(
            text("SELECT tenant_id, lane, event_id, id FROM deliveries WHERE due_at > '-infinity'")
        )
        tenant, lane, event, waiting = found.first() or (NONE, NONE, NONE, NONE)
        await tx.execute(text("SELECT set_config('ringback.tenant', :id, true)"), {"id": str(tenant)})
        await tx.execute(text(f"SET LOCAL ROLE {role.value}"))
        yield Look(tx, TenantId(tenant), lane, event, waiting)
        await tx.rollback()


@pytest.fixture
async def engine(filled: str) -> AsyncGenerator[Look]:
    """A transaction in the engine's role, rolled back at the end."""
    async for look in looking(filled, Role.ENGINE):
        yield look


@pytest.fixture
async def tenant(filled: str) -> AsyncGenerator[Look]:
    """A transaction in the role of one tenant."""
    async for look in looking(filled, Role.TENANT):
        yield look


Run = Callable[[Look], Awaitable[object]]


def listing(look: Look, wanted: DeliveryFilter) -> Awaitable[object]:
    return list_deliveries(look.tx, wanted=wanted, before=None, limit=51)


def events(look: Look, wanted: EventFilter) -> Awaitable[object]:
    return list_events(look.tx, tenant_id=look.tenant, wanted=wanted, before=None, limit=51)


ENGINE: dict[str, tuple[Run, set[str]]] = {
    "claim": (
        lambda at: claim_deliveries(at.tx, ids=[at.waiting, NONE], default_cap=50, default_timeout=15, lease=15),
        {
            "deliveries_pkey",
            "events_pkey",
            "leases_pkey",
            "deliveries_turns_idx",
            "secrets_tenant_id_endpoint_id_idx",
        },
    ),
    "claim without an order": (
        lambda at: claim_deliveries(
            at.tx, ids=[at.waiting], ordered=False, default_cap=50, default_timeout=15, lease=15
        ),
        {"deliveries_pkey", "events_pkey", "leases_pkey", "secrets_tenant_id_endpoint_id_idx"},
    ),
    "due of lanes": (
        lambda at: due_of_lanes(at.tx, rooms={at.lane: 100, NONE: 100}),
        {"deliveries_due_idx", "deliveries_turns_idx", "endpoints_pkey"},
    ),
    "next in order": (
        lambda at: next_in_order(at.tx, ended=[at.waiting, NONE]),
        {"deliveries_pkey", "deliveries_turns_idx"},
    ),
    "feed deliveries": (
        lambda at: take_due_deliveries(at.tx, limit=1000, default_cap=50),
        {"deliveries_due_idx", "deliveries_turns_idx", "deliveries_asked_idx"},
    ),
    "end lapsed leases": (lambda at: take_lapsed(at.tx, limit=200, default_timeout=15), {"deliveries_pkey"}),
    "cancel": (
        lambda at: cancel_undeliverable(at.tx, limit=1000, back=300),
        {"deliveries_due_idx", "endpoints_ended_idx"},
    ),
    "withdraw": (
        lambda at: withdraw_batch(
            at.tx, tenant_id=at.tenant, endpoint_id=EndpointId(at.lane), wanted=Wanted(), after=START, limit=1000
        ),
        {"deliveries_due_idx", "deliveries_pkey"},
    ),
    "feed tasks": (lambda at: take_due_tasks(at.tx, limit=1000, shares={}), {"tasks_due_type_idx", "tasks_leased_idx"}),
    "start": (
        lambda at: start_untold(at.tx, task_id=NONE, leased_by="x", lease=15),
        {"tasks_pkey", "endpoints_living_idx"},
    ),
    "start in turn": (
        lambda at: start_in_turn(at.tx, task_id=NONE, leased_by="x", lease=15),
        {"tasks_pkey", "tasks_leased_idx"},
    ),
    "end lost tasks": (lambda at: take_lost(at.tx, limit=200), {"tasks_leased_idx"}),
    "record": (
        lambda at: record_attempts(at.tx, settled=[settled_of(at.tenant, at.waiting)]),
        {"deliveries_pkey", "endpoints_pkey"},
    ),
    "record successes": (
        lambda at: record_successes(at.tx, settled=[settled_of(at.tenant, at.waiting)]),
        {"deliveries_pkey", "endpoints_failing_idx"},
    ),
    "who asks": (
        lambda at: tenants_that_ask(at.tx, type_="delivery.exhausted", tenant_ids=[at.tenant]),
        {"endpoints_living_idx"},
    ),
    "judge endpoints": (
        lambda at: take_failing(at.tx, rule=FailingRule(after=5.0, part=1.0, parts=1, untold=True), limit=100),
        {"endpoints_failing_idx", "rollups_pkey"},
    ),
    "hold past events": (lambda at: hold_past_events(at.tx, limit=500), {"events_tenant_id_id_idx"}),
    "hold unfinished": (lambda at: hold_unfinished(at.tx, events=[at.event]), {"deliveries_event_id_idx"}),
    "empty events": (
        lambda at: empty(at.tx, past={at.event: at.tenant}),
        {"events_pkey", "deliveries_event_id_idx"},
    ),
    "delete tasks": (lambda at: delete_tasks(at.tx, limit=500), {"tasks_tenant_id_id_idx", "deliveries_task_id_idx"}),
    "delete keys": (lambda at: delete_keys(at.tx, limit=500), {"dedupe_expires_at_idx"}),
    "delete rollups": (
        lambda at: delete_rollups(at.tx, keep=timedelta(days=8), limit=500),
        {"rollups_bucket_idx", "rollups_pkey"},
    ),
    "fold rollups": (
        lambda at: fold_rollups(at.tx, keep=timedelta(hours=2), limit=500),
        {"rollups_fine_idx", "rollups_pkey"},
    ),
    "gauge tasks": (lambda at: read_task_gauges(at.tx), {"tasks_due_type_idx", "tasks_leased_idx"}),
    "gauge ended tasks": (lambda at: read_ended_gauges(at.tx), {"tasks_finished_idx"}),
    "gauge deliveries": (lambda at: read_delivery_gauge(at.tx), {"deliveries_due_idx"}),
    "gauge attempts": (lambda at: read_attempt_gauges(at.tx), {"rollups_bucket_idx"}),
    "gauge endpoints": (lambda at: read_endpoint_gauge(at.tx), {"endpoints_disabled_idx", "endpoints_failing_idx"}),
    "why they wait": (
        lambda at: read_behind(at.tx, ids=[at.waiting, NONE], default_cap=50),
        {"deliveries_turns_idx", "leases_pkey"},
    ),
    "count waiting": (lambda at: count_waiting(at.tx, tenant_id=at.tenant), {"tasks_due_type_idx"}),
    "count due": (
        lambda at: count_due(at.tx, tenant_id=at.tenant, at_once=16),
        {"tasks_due_type_idx", "tasks_leased_idx"},
    ),
}
TENANT: dict[str, tuple[Run, set[str]]] = {
    "all": (lambda at: listing(at, DeliveryFilter()), {"deliveries_tenant_id_id_idx"}),
    "of an endpoint": (
        lambda at: listing(at, DeliveryFilter(endpoint_id=EndpointId(at.lane))),
        {"deliveries_endpoint_id_id_idx"},
    ),
    "of an event": (lambda at: listing(at, DeliveryFilter(event_id=EventId(at.event))), {"deliveries_event_id_idx"}),
    "of a task": (lambda at: listing(at, DeliveryFilter(task_id=TaskId(at.event))), {"deliveries_task_id_idx"}),
    "stats": (lambda at: read_windows(at.tx, endpoint_id=EndpointId(at.lane)), {"rollups_pkey"}),
    "backlog": (lambda at: read_backlog(at.tx, endpoint_id=EndpointId(at.lane)), {"deliveries_due_idx"}),
    "take back": (
        lambda at: take_back(at.tx, endpoint_id=EndpointId(at.lane), limit=1000),
        {"deliveries_due_idx", "deliveries_pkey"},
    ),
    "endpoints": (
        lambda at: list_endpoints(at.tx, wanted=EndpointFilter(), before=None, limit=51),
        {"endpoints_living_idx"},
    ),
    "schemas": (lambda at: list_schema_versions(at.tx, tenant_id=at.tenant), {"event_types_pkey"}),
    "events": (lambda at: events(at, EventFilter()), {"events_tenant_id_id_idx"}),
    "events by client ID": (lambda at: events(at, EventFilter(client_id="c1")), {"events_client_id_idx"}),
    "failed so": (lambda at: listing(at, DeliveryFilter(error="tls")), {"deliveries_troubled_idx"}),
    "answered so": (lambda at: listing(at, DeliveryFilter(response_class=5)), {"deliveries_troubled_idx"}),
    "tasks": (
        lambda at: list_tasks(at.tx, wanted=TaskFilter(), before=None, limit=51),
        {"tasks_tenant_id_id_idx"},
    ),
}


@pytest.mark.parametrize("name", ENGINE)
async def test_a_statement_of_the_engine_uses_its_index(engine: Look, name: str) -> None:
    run, named = ENGINE[name]

    plan = await plan_of(engine.tx, lambda: run(engine))

    assert named <= await indexes(engine.tx, plan)
    assert await read_whole(engine.tx, plan) == set()


@pytest.mark.parametrize("name", TENANT)
async def test_a_list_of_a_tenant_uses_its_index(tenant: Look, name: str) -> None:
    run, named = TENANT[name]

    plan = await plan_of(tenant.tx, lambda: run(tenant))

    assert named <= await indexes(tenant.tx, plan)
    assert await read_whole(tenant.tx, plan) == set()
