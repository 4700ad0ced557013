"""A page of a list costs what it shows, however many deliveries a tenant has, whatever the filter."""

from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.schemas.deliveries import DeliveryStatusName, ErrorName
from core import clock
from core.database import Role, open_engine
from core.journal import look_queries
from core.journal.look_queries import read_end
from core.journal.queries import list_deliveries, look_for
from core.journal.read import DeliveryFilter, DeliveryRecord
from core.model.ids import EndpointId, EventId, TaskId
from tests.conftest import TEMPLATE
from tests.support.plans import blocks_of, indexes, nodes, plan_of, read_whole
from tests.support.stores import PostgresServer, ask
from tests.support.weeks import make_week

# 200,000 deliveries over three weeks: 90 % are of one tenant, 1 % of another, the rest of nine. Of a tenant's
# deliveries 1 % were given up, one in 2,000 failed by `tls`, one in 20,000 ended by 299; three in all are `rare.event`,
# among the oldest. Nothing waits.
FILL = """
INSERT INTO tenants (id, slug, name, retention_days)
SELECT ringback_uuid7(), CASE n WHEN 1 THEN 'large' WHEN 2 THEN 'small' ELSE 't-' || n END, 'Acme', 90
FROM generate_series(1, 11) n;
INSERT INTO endpoints (id, tenant_id, url, event_types, signature, max_in_flight, ordering, status)
SELECT ringback_uuid7(), t.id, 'https://example.com/', '{}', 'hmac', 50, 'none', 'enabled'
FROM tenants t, generate_series(1, 20);
CREATE TEMP TABLE made AS
SELECT n, t.id AS tenant_id, e.ids[1 + n / 100 %% 20] AS endpoint_id, m.moment, md5(n::TEXT) AS noise
FROM generate_series(1, 200000) n
CROSS JOIN LATERAL (SELECT TIMESTAMPTZ '%s' - n * INTERVAL '9 s' AS moment) m
JOIN (SELECT id, CASE slug WHEN 'large' THEN 0 WHEN 'small' THEN 90 ELSE 88 + right(slug, -2)::INTEGER END AS place
      FROM tenants) t ON t.place = CASE WHEN n %% 100 < 90 THEN 0 ELSE n %% 100 END
JOIN (SELECT tenant_id, array_agg(id) AS ids FROM endpoints GROUP BY tenant_id) e ON e.tenant_id = t.id;
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, succeeded_at,
                        finished_at, created_at, attempt_count, claim, last_response_code, last_error, task_id)
SELECT CAST(lpad(to_hex(CAST(extract(EPOCH FROM moment) * 1000 AS BIGINT)), 12, '0') || '7' || left(noise, 3)
            || '8' || substr(noise, 4, 15) AS UUID), tenant_id, endpoint_id,
       CASE WHEN n > 199700 AND n %% 100 IN (0, 90) THEN 'rare.event' WHEN n %% 5 = 0 THEN 'user.made'
            ELSE 'order.paid' END,
       endpoint_id, endpoint_id, CASE WHEN failed THEN 'exhausted' ELSE 'succeeded' END, 'first',
       CASE WHEN NOT failed THEN moment END, moment, moment, 1, 1,
       CASE WHEN tls THEN NULL WHEN failed THEN 503 WHEN n / 100 %% 2000 = 1900 THEN 299 ELSE 200 END,
       CASE WHEN tls THEN 'tls' WHEN failed THEN 'http_status' END,
       CASE WHEN n / 100 %% 1000 = 0 THEN endpoint_id END
FROM (SELECT *, n / 100 %% 100 = 7 AS failed, n / 100 %% 2000 = 7 AS tls FROM made) made;
"""
HOUR = timedelta(hours=1)
FEW = 1000
"""Blocks of 8 KiB. The larger tenant's deliveries take 8,400 to read, the smaller one's 1,800.

What the smaller one has from before a moment is sorted as a whole, as Postgres expects a few of its thousand rows: 850
on a Monday, when that moment is longest after the first of them. All others need less than 600.
"""


@dataclass(frozen=True)
class View:
    """A tenant's transaction, and what its filters may name."""

    tx: AsyncConnection
    endpoint: UUID
    thursday: datetime
    """A moment of the week before the last one, and before the weeks after it."""

    def wanted(self, names: str) -> DeliveryFilter:
        """Return a filter of several that have names."""
        known: dict[str, DeliveryFilter] = {**FILTERS, **self._own()}
        parts = [known[name] for name in names.split(" and ") if name != "none"]
        given = {field: value for one in parts for field, value in asdict(one).items() if value is not None}
        return replace(DeliveryFilter(), **given)

    def _own(self) -> dict[str, DeliveryFilter]:
        return {
            "endpoint": DeliveryFilter(endpoint_id=EndpointId(self.endpoint)),
            "event": DeliveryFilter(event_id=EventId(self.endpoint)),
            "task": DeliveryFilter(task_id=TaskId(self.endpoint)),
            "after": DeliveryFilter(created_after=self.thursday),
            "before": DeliveryFilter(created_before=self.thursday),
            "hour": DeliveryFilter(created_after=self.thursday, created_before=self.thursday + HOUR),
        }

    async def list(self, names: str) -> Sequence[DeliveryRecord]:
        """List the first page of what a filter names."""
        return await list_deliveries(self.tx, wanted=self.wanted(names), before=None, limit=51)


FILTERS = {
    **{status: DeliveryFilter(status=status) for status in get_args(DeliveryStatusName)},
    **{error: DeliveryFilter(error=error) for error in get_args(ErrorName)},
    **{str(code): DeliveryFilter(response_code=code) for code in (200, 299, 404, 503)},
    **{f"{one}xx": DeliveryFilter(response_class=one) for one in (1, 2, 3, 4, 5)},
    **{name: DeliveryFilter(event_type=name) for name in ("user.made", "rare.event")},
}
OWN = ["endpoint", "event", "task", "after", "before", "hour"]
PAIRS = [
    "endpoint and exhausted",
    "endpoint and pending",
    "endpoint and user.made",
    "endpoint and rare.event",
    "endpoint and tls",
    "endpoint and 299",
    "endpoint and hour",
    "user.made and pending",
    "rare.event and hour",
    "299 and hour",
    "pending and hour",
    "pending and before",
]
FAILED = ["retrying", "exhausted", "cancelled", *get_args(ErrorName), "404", "503", "1xx", "3xx", "4xx", "5xx"]
"""What an index holds apart."""
SCANNING = ["rare.event", "299", "rare.event and succeeded"]
"""What is rare among what has succeeded: no index holds it apart."""


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Generator[str]:
    """Many deliveries."""
    url, now = postgres.create_database("many_deliveries", TEMPLATE), clock.unix_seconds()
    administrator = postgres.store.url_of("many_deliveries", user="postgres")
    for days in (7, 14, 21):
        make_week(url, now, days_ago=days)
    ask(administrator, FILL % datetime.fromtimestamp(now, UTC).isoformat())
    ask(administrator, "VACUUM ANALYZE tenants, endpoints, deliveries")
    yield url
    postgres.drop_database("many_deliveries")


@pytest.fixture(params=["large", "small"])
async def view(filled: str, request: pytest.FixtureRequest) -> AsyncGenerator[View]:
    """The transaction of the tenant with nine tenths of the deliveries, and of the one with a hundredth."""
    sql = "SELECT t.id, e.id AS endpoint_id FROM tenants t JOIN endpoints e ON e.tenant_id = t.id WHERE slug = :slug"
    async with open_engine(filled, Role.ENGINE, pooled=False).connect() as tx:
        tenant, endpoint = (await tx.execute(text(sql), {"slug": request.param})).all()[0]
        await tx.execute(text("SELECT set_config('ringback.tenant', :id, true)"), {"id": str(tenant)})
        await tx.execute(text(f"SET LOCAL ROLE {Role.TENANT.value}"))
        today = datetime.fromtimestamp(clock.unix_seconds(), UTC).replace(hour=12, minute=0)
        yield View(tx, UUID(str(endpoint)), today - timedelta(days=today.weekday() + 14 - 3))
        await tx.rollback()


@pytest.mark.parametrize("names", ["none", *sorted(set(FILTERS) - set(SCANNING)), *OWN, *PAIRS])
async def test_a_page_touches_few_blocks(view: View, names: str) -> None:
    assert await blocks_of(view.tx, lambda: view.list(names)) < FEW


@pytest.mark.parametrize("names", [*FAILED, "user.made and exhausted", "exhausted and before"])
async def test_what_has_failed_is_found_without_what_has_succeeded(view: View, names: str) -> None:
    plan = await plan_of(view.tx, lambda: view.list(names))

    used = await indexes(view.tx, plan)
    assert used & {"deliveries_troubled_idx", "deliveries_recoverable_idx"}
    assert "deliveries_tenant_id_id_idx" not in used
    assert await read_whole(view.tx, plan) == set()


@pytest.mark.parametrize("names", SCANNING)
async def test_what_is_rare_among_successes_is_looked_for_in_so_many_rows(
    view: View, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_queries, "LOOK_BACK", 300)

    plan = await plan_of(view.tx, lambda: view.list(names))

    assert "deliveries_tenant_id_id_idx" in await indexes(view.tx, plan)
    assert await read_whole(view.tx, plan) == set()
    assert await blocks_of(view.tx, lambda: view.list(names)) < FEW


@pytest.mark.parametrize("names", SCANNING)
async def test_how_far_a_page_has_looked_is_read_in_the_index_alone(
    view: View, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_queries, "LOOK_BACK", 300)

    blocks = await blocks_of(view.tx, lambda: read_end(view.tx, look=look_for(view.wanted(names), None), last=None))

    assert blocks < FEW


@pytest.mark.parametrize(
    ("names", "read", "left_out"),
    [
        ("after", {0, 7}, {-7}),
        ("before", {-7, 0}, {7}),
        ("hour", {0}, {-7, 7}),
        ("rare.event and hour", {0}, {-7, 7}),
    ],
)
async def test_bounds_of_time_leave_weeks_out(view: View, names: str, read: set[int], left_out: set[int]) -> None:
    plan = await plan_of(view.tx, lambda: view.list(names))

    tables = {node.get("Relation Name") for node in nodes(plan)}
    monday = view.thursday - timedelta(days=3)
    weeks = {days for days in read | left_out if f"deliveries_p{monday + timedelta(days=days):%Y%m%d}" in tables}
    assert weeks == read
