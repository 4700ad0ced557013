"""An export, page by page: each a transaction of its own, and nothing of what is made meanwhile."""

from collections.abc import AsyncGenerator, Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.database import Database
from core.journal.export import Exports, Wanted
from core.journal.read import DeliveryFilter, DeliveryRecord
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.states import WaitingFor
from core.redis import open_redis
from tests.support.reading import read_of_orders
from tests.support.rows import Rows

OPEN = """
SELECT count(*) AS number FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    AND backend_type = 'client backend'
"""
LOCK = text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")


@pytest.fixture
async def exports(database: Database, redis_url: str) -> AsyncGenerator[Exports]:
    """Exports whose pages hold three deliveries."""
    redis = open_redis(redis_url)
    yield Exports(database, redis, default_cap=50, page=3)
    await redis.aclose()


@pytest.fixture
async def made(rows: Rows, tenant: TenantId, endpoint: EndpointId) -> list[DeliveryId]:
    """Seven deliveries, newest first."""
    return sorted(await rows.deliveries(7, tenant, endpoint), reverse=True)


@pytest.fixture
def wanted(tenant: TenantId) -> Wanted:
    """All that the tenant has."""
    return Wanted(tenant_id=tenant, owner=None, filter=DeliveryFilter())


def named(*pages: Sequence[DeliveryRecord]) -> list[DeliveryId]:
    return [one.id for page in pages for one in page]


async def test_no_transaction_is_open_between_pages(
    exports: Exports, wanted: Wanted, made: list[DeliveryId], rows: Rows
) -> None:
    page = await anext(exports.pages(wanted))

    assert named(page) == made[:3]
    assert await rows.one(OPEN) == {"number": 0}


async def test_what_is_made_meanwhile_is_not_exported(
    exports: Exports, wanted: Wanted, made: list[DeliveryId], rows: Rows, endpoint: EndpointId
) -> None:
    pages = exports.pages(wanted)
    first = await anext(pages)
    await rows.deliveries(5, wanted.tenant_id, endpoint)

    rest = [page async for page in pages]

    assert named(first, *rest) == made


async def test_a_page_that_fails_ends_the_export_with_its_error(
    exports: Exports, wanted: Wanted, made: list[DeliveryId], rows: Rows
) -> None:
    pages = exports.pages(wanted)
    first = await anext(pages)
    async with rows.database.engine() as tx:
        await tx.execute(LOCK)
        with pytest.raises(DBAPIError):
            await anext(pages)

    assert named(first) == made[:3]


async def test_why_deliveries_wait_is_told_without_reading_all_that_waits(
    database_url: str, rows: Rows, redis_url: str, tenant: TenantId
) -> None:
    fifo = await rows.endpoint(tenant, ordering="fifo")
    made = await rows.deliveries(4000, tenant, fifo, keys=20)
    shown: list[DeliveryRecord] = []

    async def use(database: Database) -> None:
        async with open_redis(redis_url) as redis:
            wanted = Wanted(tenant_id=tenant, owner=None, filter=DeliveryFilter(endpoint_id=fifo))
            shown.extend(await anext(Exports(database, redis, default_cap=50, page=100).pages(wanted)))

    read = await read_of_orders(rows, database_url, use)

    assert [one.id for one in shown] == sorted(made, reverse=True)[:100]
    assert {one.held_by for one in shown} == {WaitingFor.ORDER}
    assert read < 1000  # through row-level security it would be a comparison with each that waits, for each of these
