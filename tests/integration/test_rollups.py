"""Rollups: what the record counts is what the log holds, whatever comes late or twice."""

import asyncio

import pytest
from msgspec import structs
from sqlalchemy import func

from core.database import Database
from core.journal.record import Settled
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.latency import slot_of
from core.model.outcome import ErrorClass, Outcome, OutcomeKind, Timings
from tests.support.claiming import DOWN, GONE, OK, UNKNOWN, claim, claim_one, record, settled
from tests.support.rows import Rows
from tests.support.samples import URL, ago

SLOW = structs.replace(OK, timings=Timings(connect=20.0, total=800.0))
LATE = Outcome(OutcomeKind.FAILED, ErrorClass.TIMEOUT, timings=Timings(total=15_000.0))

COUNTED = """
SELECT lane, sum(succeeded) AS succeeded, sum(failed) AS failed, sum(unknown) AS unknown, sum(timeout) AS timeout,
       sum(http_status) AS http_status, sum(connected) AS connected,
       (SELECT sum(n) FROM unnest(array_agg(latencies)) n) AS ended
FROM rollups GROUP BY lane ORDER BY lane
"""
LOGGED = """
SELECT d.lane, count(*) FILTER (WHERE outcome = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE outcome = 'failed') AS failed, count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
       count(*) FILTER (WHERE error = 'timeout') AS timeout,
       count(*) FILTER (WHERE error = 'http_status') AS http_status, count(connect_ms) AS connected,
       count(*) FILTER (WHERE outcome <> 'unknown') AS ended
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id GROUP BY d.lane ORDER BY d.lane
"""


async def counted(rows: Rows) -> tuple[dict[str, object], ...]:
    """Return what the rollups hold, after a look that the log holds the same."""
    found = await rows.all(COUNTED)
    assert found == await rows.all(LOGGED)
    return found


async def batch(database: Database, rows: Rows, tenant: TenantId, *outcomes: Outcome) -> list[Settled]:
    """Claim a delivery to one endpoint for each outcome."""
    endpoint = await rows.endpoint(tenant)
    claimed = await claim(database, *await rows.deliveries(len(outcomes), tenant, endpoint))
    return [settled(one, outcome) for one, outcome in zip(claimed, outcomes, strict=True)]


async def test_each_outcome_and_error_is_counted(database: Database, rows: Rows, tenant: TenantId) -> None:
    outcomes = await batch(database, rows, tenant, OK, OK, OK, DOWN, DOWN, LATE, UNKNOWN)

    await record(database, *outcomes)

    (found,) = await counted(rows)
    assert (found["succeeded"], found["failed"], found["unknown"]) == (3, 3, 1)
    assert (found["timeout"], found["http_status"]) == (1, 2)


async def test_a_batch_is_one_row_for_each_endpoint(database: Database, rows: Rows, tenant: TenantId) -> None:
    first, second = await batch(database, rows, tenant, OK, OK, DOWN), await batch(database, rows, tenant, DOWN)

    await record(database, *first, *second)

    assert [row["failed"] for row in await counted(rows)] == [1, 1]
    assert await rows.one("SELECT count(*) AS n FROM rollups") == {"n": 2}


async def test_a_second_batch_adds_to_the_first(database: Database, rows: Rows, tenant: TenantId) -> None:
    first, second = await batch(database, rows, tenant, SLOW, DOWN)
    await record(database, first)

    await record(database, second)

    slots = "latencies[1] AS fast, latencies[:slot] AS slow"
    row = await rows.one(f"SELECT succeeded, failed, {slots} FROM rollups", slot=slot_of(800.0) + 1)
    assert row == {"succeeded": 1, "failed": 1, "fast": 1, "slow": 1}


@pytest.mark.parametrize("outcome", [OK, DOWN, LATE, GONE, UNKNOWN])
async def test_an_unknown_one_that_is_filled_in_moves_to_its_outcome(
    database: Database, rows: Rows, delivery: DeliveryId, outcome: Outcome
) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))

    await record(database, settled(claimed, outcome))

    (found,) = await counted(rows)
    assert found["unknown"] == int(outcome is UNKNOWN)


async def test_a_late_outcome_counts_in_the_bucket_of_its_attempt(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))
    await rows.all("UPDATE attempts SET recorded_at = recorded_at - INTERVAL '1 h' RETURNING 1")
    await rows.all("UPDATE rollups SET bucket = bucket - INTERVAL '1 h' RETURNING 1")

    await record(database, settled(claimed, OK))

    await counted(rows)
    assert await rows.one("SELECT count(*) AS n FROM rollups") == {"n": 1}


async def test_an_outcome_that_is_recorded_twice_counts_once(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    outcome = settled(await claim_one(database, delivery), OK)
    await record(database, outcome)

    await record(database, outcome)

    (found,) = await counted(rows)
    assert found["succeeded"] == 1


async def test_the_url_of_a_task_counts_in_its_lane(database: Database, rows: Rows, tenant: TenantId) -> None:
    lane, task = rows.new_id(), await rows.task(tenant)
    claimed = await claim_one(database, await rows.delivery(tenant, None, lane=lane, task_id=task, url=URL))

    await record(database, settled(claimed, DOWN))

    (found,) = await counted(rows)
    assert found["lane"] == lane


async def failing_since(rows: Rows, endpoint: EndpointId) -> object:
    return (await rows.row(tables.endpoints, endpoint))["failing_since"]


@pytest.mark.parametrize("outcome", [DOWN, LATE])
async def test_a_failure_says_since_when_the_endpoint_fails(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId, outcome: Outcome
) -> None:
    claimed = await claim_one(database, delivery)

    await record(database, settled(claimed, outcome))

    assert await failing_since(rows, endpoint) is not None


async def test_a_further_failure_does_not_change_since_when(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    await rows.change(tables.endpoints, endpoint, failing_since=ago(3600))
    before = await rows.row(tables.endpoints, endpoint)
    claimed = await claim_one(database, delivery)

    await record(database, settled(claimed, DOWN))

    assert await rows.row(tables.endpoints, endpoint) == before


async def test_a_success_ends_the_failing(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    await rows.change(tables.endpoints, endpoint, failing_since=ago(3600))
    claimed = await claim_one(database, delivery)

    await record(database, settled(claimed, OK))

    assert await failing_since(rows, endpoint) is None


async def test_an_endpoint_that_only_stumbles_is_not_written(database: Database, rows: Rows, tenant: TenantId) -> None:
    first, second = await batch(database, rows, tenant, OK, DOWN)
    await record(database, first)
    before = await rows.all("SELECT xmin::TEXT, failing_since FROM endpoints")

    await record(database, second)

    assert await rows.all("SELECT xmin::TEXT, failing_since FROM endpoints") == before


async def test_what_is_unknown_says_nothing_about_the_endpoint(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    claimed = await claim_one(database, delivery)

    await record(database, settled(claimed, UNKNOWN))

    assert await failing_since(rows, endpoint) is None


async def test_an_endpoint_that_is_gone_fails_too(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    claimed = await claim_one(database, delivery)

    await record(database, settled(claimed, GONE))

    row = await rows.row(tables.endpoints, endpoint)
    assert (row["status"], row["disabled_reason"], row["failing_since"] is None) == ("disabled", "gone", False)


async def test_a_late_success_ends_the_failing(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))
    await rows.change(tables.endpoints, endpoint, failing_since=func.now())

    await record(database, settled(claimed, OK))

    assert await failing_since(rows, endpoint) is None


async def test_recorders_that_share_endpoints_neither_block_each_other_for_ever_nor_lose_a_count(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    parts = [await batch(database, rows, tenant, *[OK, DOWN, LATE, UNKNOWN] * 6) for _ in range(6)]
    mixed = [[part[n] for part in parts] for n in range(24)]
    turned = [one[::-1] for one in mixed[12:]]

    await asyncio.gather(*(record(database, *one) for one in [*mixed[:12], *turned]))

    assert [row["failed"] for row in await counted(rows)] == [12] * 6
