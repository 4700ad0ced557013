"""Closed tenants: nothing of theirs starts or is sent any more, and all that they had is erased."""

import pytest
from redis.asyncio import Redis
from sqlalchemy import Table

from core.database import Database
from core.model import tables
from core.model.ids import TaskId, TenantId
from core.redis import open_redis
from core.registry.tenant_changes import TenantChanges
from core.results import Results
from tests.support.claiming import claim
from tests.support.rows import Rows
from tests.support.samples import URL, ago
from workers.start_queries import hold_starts, start_in_turn, start_run, start_untold
from workers.upkeep.erasure import Erasure

OWNED = [table for table in tables.metadata.sorted_tables if "tenant_id" in table.c]


async def furnish(rows: Rows, tenant: TenantId) -> None:
    """Give a tenant three rows of everything, one of each waiting."""
    endpoint = await rows.endpoint(tenant)
    for _ in range(3):
        await rows.put(tables.attempts, tenant, delivery_id=await rows.delivery(tenant, endpoint))
    rest = [table for table in OWNED if table not in (tables.deliveries, tables.attempts, tables.endpoints)]
    for table in rest * 3:
        await rows.put(table, tenant)


async def closed(rows: Rows, tenant: TenantId, *, seconds: int = 61) -> None:
    """Close a tenant, so many seconds ago."""
    await TenantChanges(rows.database).close(str((await rows.row(tables.tenants, tenant))["slug"]))
    await rows.change(tables.tenants, tenant, deleted_at=ago(seconds))


async def left(rows: Rows, tenant: TenantId) -> dict[str, int]:
    """Count what there is of a tenant, by table."""
    counts = {table.name: await count(rows, table, tenant) for table in OWNED}
    return {name: number for name, number in counts.items() if number}


async def count(rows: Rows, table: Table, tenant: TenantId) -> int:
    (row,) = await rows.all(f"SELECT count(*)::INTEGER AS n FROM {table.name} WHERE tenant_id = :id", id=tenant)
    return int(str(row["n"]))


async def erase(erasure: Erasure, turns: int = 20) -> None:
    """Take turns as the loop does, no more than so many."""
    for _ in range(turns):
        if not (await erasure.run_once()).worked:
            break


async def test_nothing_is_left_of_a_closed_tenant(database: Database, rows: Rows, tenant: TenantId) -> None:
    await furnish(rows, tenant)
    await closed(rows, tenant)

    await erase(Erasure(database, None, batch=2))

    assert await left(rows, tenant) == {}
    assert await rows.all("SELECT id FROM tenants WHERE id = :id", id=tenant) == ()


async def test_other_tenants_keep_everything(database: Database, rows: Rows, tenant: TenantId) -> None:
    neighbour = await rows.tenant()
    await furnish(rows, tenant)
    await furnish(rows, neighbour)
    before = await left(rows, neighbour)
    await closed(rows, tenant)

    await erase(Erasure(database, None))

    assert await left(rows, neighbour) == before


async def test_a_turn_erases_a_batch_and_says_that_there_is_more(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    await furnish(rows, tenant)
    await closed(rows, tenant)

    report = await Erasure(database, None, batch=1).run_once()

    assert report.worked
    assert (await left(rows, tenant))["deliveries"] == 2


async def test_nothing_is_erased_in_the_first_minute(database: Database, rows: Rows, tenant: TenantId) -> None:
    await furnish(rows, tenant)
    await closed(rows, tenant, seconds=50)
    before = await left(rows, tenant)

    report = await Erasure(database, None).run_once()

    assert not report.worked
    assert await left(rows, tenant) == before


@pytest.mark.parametrize("under_way", ["tasks", "deliveries"])
async def test_what_is_under_way_comes_to_its_end_first(
    database: Database, rows: Rows, tenant: TenantId, under_way: str
) -> None:
    await rows.task(tenant, status="STARTED", due_at=None, lease_until=ago(-60), run=1)
    await rows.delivery(tenant, await rows.endpoint(tenant), lease_until=ago(-60))
    await closed(rows, tenant)

    await erase(Erasure(database, None))

    assert (await left(rows, tenant))[under_way] == 1


async def test_one_that_cannot_be_erased_yet_holds_up_no_other(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    other, erasure = await rows.tenant(), Erasure(database, None)
    delivery = await rows.delivery(tenant, await rows.endpoint(tenant), lease_until=ago(-60))
    await furnish(rows, other)
    await closed(rows, tenant, seconds=90)
    await closed(rows, other)

    await erase(erasure)  # as far as the first of them can be
    await erase(erasure)
    found = (await left(rows, tenant) != {}, await left(rows, other))
    await rows.change(tables.deliveries, delivery, lease_until=None)
    for _ in range(3):
        await erase(erasure)

    assert (found, await left(rows, tenant)) == ((True, {}), {})


async def test_results_are_erased_with_their_tasks(
    database: Database, rows: Rows, tenant: TenantId, redis_url: str
) -> None:
    task = await rows.task(tenant, status="SUCCESS", due_at=None, finished_at=ago(1), run=2)
    redis = open_redis(redis_url)
    results = Results(redis, ttl=60)
    await results.put(task, 2, b"1")
    await closed(rows, tenant)

    await erase(Erasure(database, results))

    assert await redis.exists(f"ringback:result:{task}:2") == 0
    await redis.aclose()


async def test_while_redis_is_away_tasks_stay_with_their_results(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    await rows.task(tenant, status="SUCCESS", due_at=None, finished_at=ago(1), run=1)
    away: Redis = open_redis("unix:///nonexistent/redis.sock")
    await closed(rows, tenant)

    await erase(Erasure(database, Results(away, ttl=60)))

    assert await left(rows, tenant) == {"tasks": 1}


@pytest.mark.parametrize("where", ["endpoint", "task"])
async def test_nothing_of_a_closed_tenant_is_sent(database: Database, rows: Rows, tenant: TenantId, where: str) -> None:
    lane, task = rows.new_id(), await rows.task(tenant)
    to_task = {"url": URL, "task_id": task, "lane": lane}
    delivery = (
        await rows.delivery(tenant, await rows.endpoint(tenant))
        if where == "endpoint"
        else await rows.delivery(tenant, None, **to_task)
    )
    await closed(rows, tenant)

    claimed = await claim(database, delivery)

    row = await rows.row(tables.deliveries, delivery)
    assert claimed == ()
    assert (row["status"], row["reason"]) == ("cancelled", "endpoint_deleted")


@pytest.mark.parametrize("limit", [None, 5])
async def test_no_task_of_a_closed_tenant_starts(database: Database, rows: Rows, limit: int | None) -> None:
    tenant = await rows.tenant(running_tasks=limit)
    await rows.change(tables.tenants, tenant, deleted_at=ago(1))
    task: TaskId = await rows.task(tenant)

    async with database.engine() as tx:
        await hold_starts(tx, task_id=task)
        started = [await start(tx, task_id=task, leased_by="x", lease=15) for start in STARTS]

    assert started == [None, None, None]


STARTS = (start_untold, start_run, start_in_turn)
