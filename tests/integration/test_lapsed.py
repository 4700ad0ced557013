"""Leases that have run out: whatever is wrong with one of them, all others end."""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from core.database import Database
from core.dispatch.publish import Publisher
from core.model import tables
from core.model.ids import EndpointId, TaskId, TenantId
from core.registry.tenant_changes import TenantChanges
from tests.support.claiming import claim
from tests.support.feeding import new_feeder, publishing
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.upkeep.erasure import Erasure

RUNNING: dict[str, object] = {"status": "STARTED", "due_at": None, "leased_by": "a worker"}


@pytest.fixture
async def publisher(redis_broker_url: str) -> AsyncGenerator[Publisher]:
    """A connected publisher."""
    async with publishing(redis_broker_url) as connected:
        yield connected


async def test_a_lease_whose_endpoint_is_gone_ends_with_the_others(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    gone = await rows.endpoint(tenant)
    for lane in (gone, endpoint):
        await rows.delivery(tenant, lane, lease_until=ago(1), claim=1, attempt_count=1)
    async with database.engine() as tx:
        await tx.exec_driver_sql(f"DELETE FROM endpoints WHERE id = '{gone}'")

    report = await new_feeder(database, publisher).run_once()

    assert report.unknown == 2
    assert await rows.all("SELECT 1 FROM leases") == ()


async def test_one_that_cannot_be_recorded_does_not_hold_the_others(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    stuck = await rows.delivery(tenant, endpoint, lease_until=ago(1), claim=1, attempt_count=0)  # no attempt is the 0th
    later = await rows.delivery(tenant, endpoint, lease_until=ago(1), claim=1, attempt_count=1)

    with capture_logs() as logs:
        report = await new_feeder(database, publisher).run_once()

    assert report.unknown == 1
    assert [one["row"] for one in logs if one["event"] == "lapsed.stuck"] == [str(stuck)]
    assert len(await rows.attempts(later)) == 1
    assert [row["delivery_id"] for row in await rows.all("SELECT delivery_id FROM leases")] == [stuck]


@pytest.mark.parametrize(("patience", "error"), [(30.0, DBAPIError), (0.3, TimeoutError)], ids=["lock", "statement"])
async def test_after_a_batch_that_took_too_long_fewer_are_ended_at_once(
    database: Database,
    database_url: str,
    patience: float,
    error: type[Exception],
    rows: Rows,
    tenant: TenantId,
    endpoint: EndpointId,
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await claim(database, *await rows.deliveries(40, tenant, endpoint))
    await rows.all("UPDATE deliveries SET lease_until = now() - INTERVAL '1 s' RETURNING id")
    await rows.all("UPDATE leases SET until = now() - INTERVAL '1 s' RETURNING until")
    monkeypatch.setattr("workers.feeder.feed.RECORDED_WITHIN", 0)
    impatient = Database(database_url, patience=patience)
    feeder = new_feeder(impatient, publisher)
    async with database.engine() as other:
        await other.exec_driver_sql("LOCK TABLE attempts IN EXCLUSIVE MODE")

        with pytest.raises(error):
            await feeder.run_once()

    assert [(await feeder.run_once()).unknown for _ in range(3)] == [25, 15, 0]
    await impatient.close()


async def test_a_closed_tenants_endpoints_stay_while_a_request_is_on_the_wire(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    endpoint = await rows.endpoint(tenant)
    await rows.delivery(tenant, endpoint, lease_until=ago(1), claim=1, attempt_count=1)
    await TenantChanges(database).close(str((await rows.row(tables.tenants, tenant))["slug"]))
    await rows.change(tables.tenants, tenant, deleted_at=ago(61))
    erasure = Erasure(database, None)

    await erasure.run_once()
    before = await rows.all("SELECT id FROM endpoints WHERE tenant_id = :id", id=tenant)
    await new_feeder(database, publisher).run_once()
    turns = [(await erasure.run_once()).tenants for _ in range(3)]

    assert [row["id"] for row in before] == [endpoint]
    assert sum(turns) == 1
    assert await rows.all("SELECT id FROM endpoints WHERE tenant_id = :id", id=tenant) == ()


async def test_no_attempt_began_before_its_delivery_was_made(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    endpoint = await rows.endpoint(tenant, timeout=1)
    lapsed = await rows.delivery(tenant, endpoint, lease_until=ago(1), claim=1, attempt_count=1, created_at=ago(17))
    await rows.change(tables.endpoints, endpoint, timeout=30)

    await new_feeder(database, publisher).run_once()

    (attempt,) = await rows.attempts(lapsed)
    assert attempt["started_at"] == (await rows.row(tables.deliveries, lapsed))["created_at"]


async def lost(rows: Rows, tenant: TenantId, losses: int) -> TaskId:
    """Make a task whose worker has died, after so many that died before."""
    columns = {**RUNNING, "run": max(1, losses), "lost_count": losses, "started_at": func.now()}
    return await rows.task(tenant, **columns, lease_until=ago(1))


async def test_a_lost_task_that_cannot_be_written_does_not_hold_the_others(
    database: Database, rows: Rows, tenant: TenantId, publisher: Publisher
) -> None:
    stuck, later = await lost(rows, tenant, 2**31 - 1), await lost(rows, tenant, 0)  # one more is no integer

    with capture_logs() as logs:
        report = await new_feeder(database, publisher).run_once()

    assert report.lost == 1
    assert [one["row"] for one in logs if one["event"] == "lost.stuck"] == [str(stuck)]
    assert (await rows.row(tables.tasks, later))["status"] == "RETRY"


async def test_a_task_is_not_taken_for_lost_at_once_after_an_outage(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, publisher: Publisher
) -> None:
    await rows.delivery(tenant, endpoint, lease_until=ago(1), claim=1, attempt_count=1)
    feeder = new_feeder(database, publisher)
    async with database.engine() as other:
        await other.exec_driver_sql("LOCK TABLE attempts IN EXCLUSIVE MODE")
        with pytest.raises(DBAPIError, match="lock timeout"):
            await feeder.run_once()
    task = await lost(rows, tenant, 0)

    report = await feeder.run_once()

    assert (report.unknown, report.lost) == (0, 0)
    assert (await rows.row(tables.tasks, task))["status"] == "STARTED"
