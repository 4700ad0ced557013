"""The end of an outage: what ended meanwhile is recorded by who knows it, and not sent again by who does not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.database import Database
from core.model.ids import EndpointId, TenantId
from tests.support.claiming import OK, claim, recorded, settled
from tests.support.feeding import new_feeder, new_notices, publishing
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.delivery.record import Recorder
from workers.feeder import feed

OUTAGE = 0.45
"""Seconds: the first try to record has failed then, the second has begun."""


@asynccontextmanager
async def locked(database: Database, table: str) -> AsyncGenerator[None]:
    """Let nobody use a table."""
    async with database.engine() as tx:
        await tx.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.mark.parametrize(("within", "unknown"), [(3600, 0), (0, 1)], ids=["just ended", "long ended"])
async def test_what_lapsed_in_an_outage_is_left_to_deliverers_first(
    database: Database,
    rows: Rows,
    tenant: TenantId,
    endpoint: EndpointId,
    redis_broker_url: str,
    monkeypatch: pytest.MonkeyPatch,
    within: int,
    unknown: int,
) -> None:
    monkeypatch.setattr(feed, "RECORDED_WITHIN", within)
    await rows.delivery(tenant, endpoint, lease_until=ago(1), claim=1, attempt_count=1)
    async with publishing(redis_broker_url) as publisher:
        feeder = new_feeder(database, publisher)
        async with locked(database, "deliveries"):
            with pytest.raises(DBAPIError):
                await feeder.run_once()

        report = await feeder.run_once()

    assert report.unknown == unknown


async def test_what_ended_in_an_outage_is_recorded_together(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    claimed = await claim(database, *await rows.deliveries(5, tenant, endpoint))
    recorder = Recorder(database, lambda _: None, new_notices(database))
    running = asyncio.create_task(recorder.run())
    async with locked(database, "attempts"):
        ends = [asyncio.create_task(recorded(recorder, settled(one, OK))) for one in claimed]
        await asyncio.wait(ends, timeout=OUTAGE)

    await asyncio.gather(*ends)

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert await rows.one("SELECT count(*) AS n, count(DISTINCT transaction) AS together FROM attempts") == {
        "n": 5,
        "together": 1,
    }
