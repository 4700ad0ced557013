"""The end of an outage: what ended meanwhile is recorded by who knows it, and not sent again by who does not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from core.database import Database
from core.model.ids import EndpointId, TenantId
from tests.support.claiming import OK, claim, recorded, recorder_at_work, settled
from tests.support.feeding import new_feeder, publishing
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stores import PostgresServer, ask
from workers.delivery.record import Recorder
from workers.feeder import feed

AWAY_ONCE = """
CREATE SEQUENCE tries;
CREATE FUNCTION away_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF nextval('tries') = 1 THEN
        RAISE EXCEPTION 'the database system is starting up' USING ERRCODE = 'cannot_connect_now';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER away_once BEFORE INSERT ON attempts FOR EACH STATEMENT EXECUTE FUNCTION away_once();
"""


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


@pytest.fixture
def outage(database_url: str, postgres: PostgresServer) -> None:
    """Postgres refuses the first attempts that are recorded, as one that starts does."""
    database = make_url(database_url).database
    assert database is not None
    ask(postgres.store.url_of(database, user="postgres"), AWAY_ONCE)


@pytest.fixture
async def recorder(database: Database) -> AsyncGenerator[Recorder]:
    """A recorder at work."""
    async with recorder_at_work(database) as made:
        yield made


@pytest.mark.usefixtures("outage")
async def test_what_ended_in_an_outage_is_recorded_together(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, recorder: Recorder
) -> None:
    claimed = await claim(database, *await rows.deliveries(5, tenant, endpoint))

    await asyncio.gather(*(recorded(recorder, settled(one, OK)) for one in claimed))

    together = await rows.one("SELECT count(*) AS n, count(DISTINCT transaction) AS together FROM attempts")
    assert together == {"n": 5, "together": 1}


async def test_a_row_that_is_locked_holds_up_no_other(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, recorder: Recorder
) -> None:
    stuck, free = await claim(database, *await rows.deliveries(2, tenant, endpoint))
    async with database.engine() as tx:
        await tx.execute(text("SELECT FROM deliveries WHERE id = :id FOR UPDATE"), {"id": stuck.delivery_id})
        last = asyncio.create_task(recorded(recorder, settled(stuck, OK)))
        async with asyncio.timeout(60):
            await recorded(recorder, settled(free, OK))
        before = last.done()

    async with asyncio.timeout(60):
        await last

    assert not before
    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 2}
