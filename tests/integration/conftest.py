"""What the integration tests share: a tenant, its endpoint, and a delivery to it that is due."""

from collections.abc import AsyncGenerator

import pytest

from api import throttle
from core.database import Database
from core.journal import held
from core.lease import presence
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, TenantId
from tests.support.engines import land
from tests.support.pull_rings import new_queue
from tests.support.rows import Rows
from tests.support.sending import SENDERS, Chosen
from tests.support.versions import NEW, OLD, offer
from tests.support.weeks import Old, make_week
from workers.upkeep.retention import Retention

MISPLACED = """
SELECT coalesce(d.id, x.delivery_id) AS id, d.lease_until, x.until
FROM (SELECT * FROM deliveries WHERE lease_until IS NOT NULL) d
FULL JOIN leases x ON x.lane = d.lane AND x.delivery_id = d.id AND x.until = d.lease_until
WHERE d.id IS NULL OR x.delivery_id IS NULL
"""
"""What is on the wire and has no row in `leases`, and the other way round."""


@pytest.fixture(params=SENDERS)
def every_sender(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with each sender."""
    monkeypatch.setattr(Chosen, "name", request.param)


@pytest.fixture(autouse=True)
def time_for_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a Redis that is there: on a busy machine it may take longer to answer than is worth waiting for."""
    for module in (presence, throttle, held):
        monkeypatch.setattr(module, "PATIENCE", 5.0)


@pytest.fixture
async def rows(database: Database) -> AsyncGenerator[Rows]:
    """A factory of rows in the test's own database; in the end `leases` must hold what is on the wire."""
    made = Rows(database)
    yield made
    await land()
    assert await made.all(MISPLACED) == ()


@pytest.fixture
async def tenant(rows: Rows) -> TenantId:
    """A tenant."""
    return await rows.tenant()


@pytest.fixture
async def endpoint(rows: Rows, tenant: TenantId) -> EndpointId:
    """The tenant's endpoint."""
    return await rows.endpoint(tenant)


@pytest.fixture
async def delivery(rows: Rows, tenant: TenantId, endpoint: EndpointId) -> DeliveryId:
    """A delivery to the endpoint that is due."""
    return await rows.delivery(tenant, endpoint)


@pytest.fixture
async def both(database: Database) -> None:
    """An old version and a newer one, each offered a moment ago."""
    await offer(database, OLD)
    await offer(database, NEW)


@pytest.fixture
async def old(database: Database, database_url: str, rows: Rows, tenant: TenantId, endpoint: EndpointId) -> Old:
    """Two tenants with retentions of their own."""
    await rows.change(tables.tenants, tenant, retention_days=10)
    patient = await rows.tenant(retention_days=50)
    return Old(rows, make_week(database_url, database.unix_seconds(), days_ago=20), tenant, patient, endpoint)


@pytest.fixture
def retention(database: Database) -> Retention:
    """What removes."""
    return Retention(database, retention_days=30, disable_after=432_000)


@pytest.fixture
async def queue(rows: Rows, tenant: TenantId) -> EndpointId:
    """An endpoint to pull from, with a secret."""
    return await new_queue(rows, tenant)
