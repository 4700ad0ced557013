"""Successes of which nothing else follows: they are recorded as any outcome is, or not at all."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
from msgspec import structs

from core.database import Database, fetch_all
from core.journal.record import Settled
from core.journal.record_queries import record_attempts
from core.journal.success_queries import record_successes
from core.model import tables
from core.model.ids import DeliveryId, TenantId
from core.model.outcome import Outcome, Response, Timings
from tests.support.claiming import DOWN, OK, UNKNOWN, claim, claim_one, settled
from tests.support.rows import Rows
from tests.support.samples import ago

TIMED = structs.replace(OK, timings=Timings(dns=1.0, connect=20.0, tls=30.0, first_byte=40.5, total=800.0))
ODD = structs.replace(OK, note="reset_in_body", address="127.0.0.1", response=Response(204, (), b"", truncated=True))
DELIVERIES = """
SELECT status, reason, trigger, due_at, wait_reason, published_until, lease_until, claim, attempt_count, step,
       unknown_run, last_response_code, last_error, payload_erased, resend_asked_at, succeeded_at = now() AS now,
       finished_at = now() AS ended, finished_at < now() AS ended_before
FROM deliveries WHERE lane = :lane ORDER BY id
"""
ATTEMPTS = """
SELECT a.number, a.trigger, a.outcome, a.error, a.note, a.request_url, a.request_headers, a.response_status,
       a.response_headers, a.response_body, a.response_truncated, a.address, a.dns_ms, a.connect_ms, a.tls_ms,
       a.first_byte_ms, a.total_ms, a.started_at < now() AS started, a.recorded_at = now() AS recorded,
       a.transaction = CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) AS now
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.lane = :lane ORDER BY d.id, a.number
"""
ROLLUPS = "SELECT to_jsonb(r) - 'lane' AS row FROM rollups r WHERE lane = :lane"
EVERYTHING = """
SELECT to_jsonb(d) AS row FROM deliveries d UNION ALL SELECT to_jsonb(a) FROM attempts a
UNION ALL SELECT to_jsonb(r) FROM rollups r UNION ALL SELECT to_jsonb(e) FROM endpoints e
"""
ENDED_BEFORE = {"status": "succeeded", "succeeded_at": ago(9), "finished_at": ago(8), "trigger": "resend"}
CANCELLED = {"status": "cancelled", "reason": "client", "finished_at": ago(8), "due_at": None}
STEPS = {"step": 2, "unknown_run": 1, "trigger": "retry", "status": "retrying", "last_error": "timeout"}

Row = dict[str, object]
Look = dict[str, tuple[Row, ...]]


async def claimed(
    database: Database, rows: Rows, tenant: TenantId, *outcomes: Outcome, before: Row, meanwhile: Row
) -> list[Settled]:
    """Claim a delivery of one new endpoint for each outcome; `meanwhile` is what happens to them under their lease."""
    made = await rows.deliveries(len(outcomes), tenant, await rows.endpoint(tenant))
    await change_all(rows, made, before)
    leased = sorted(await claim(database, *made), key=lambda one: one.delivery_id)
    await change_all(rows, made, meanwhile)
    return [settled(one, outcome) for one, outcome in zip(leased, outcomes, strict=True)]


async def change_all(rows: Rows, made: Sequence[DeliveryId], columns: Row) -> None:
    for one in made:
        await rows.change(tables.deliveries, one, **(columns or {"claim": tables.deliveries.c.claim}))


async def seen_after(database: Database, work: Callable[..., Awaitable[object]], outcomes: Sequence[Settled]) -> Look:
    """Record outcomes; return what their transaction sees of them then."""
    async with database.engine() as tx:
        assert await work(tx, settled=outcomes)
        (found,) = await fetch_all(tx, Row, "SELECT lane FROM deliveries WHERE id = :id", id=outcomes[0].delivery_id)
        looks = {"deliveries": DELIVERIES, "attempts": ATTEMPTS, "rollups": ROLLUPS}
        return {name: await fetch_all(tx, Row, sql, lane=found["lane"]) for name, sql in looks.items()}


@pytest.mark.parametrize(
    ("before", "meanwhile"), [({}, {}), (STEPS, {}), (ENDED_BEFORE, {}), ({}, CANCELLED), (STEPS, CANCELLED)]
)
async def test_it_leaves_what_any_record_leaves(
    database: Database, rows: Rows, tenant: TenantId, before: Row, meanwhile: Row
) -> None:
    twins = [
        await claimed(database, rows, tenant, OK, TIMED, ODD, before=before, meanwhile=meanwhile) for _ in range(2)
    ]

    left = await seen_after(database, record_successes, twins[0])

    assert left == await seen_after(database, record_attempts, twins[1])
    assert [row["status"] for row in left["deliveries"]] == ["succeeded"] * 3
    assert len(left["attempts"]) == len(left["deliveries"])


async def test_a_second_batch_adds_to_the_first(database: Database, rows: Rows, tenant: TenantId) -> None:
    endpoint = await rows.endpoint(tenant)
    first, second = await claim(database, *await rows.deliveries(2, tenant, endpoint))
    async with database.engine() as tx:
        assert await record_successes(tx, settled=[settled(first, TIMED)])

        assert await record_successes(tx, settled=[settled(second, OK)])

    counted = await rows.one(
        "SELECT succeeded, failed, connected, (SELECT sum(n) FROM unnest(latencies) n) FROM rollups"
    )
    assert counted == {"succeeded": 2, "failed": 0, "connected": 1, "sum": 2}


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"claim": 2},
        {"lease_until": None},
        {"resend_asked_at": ago(1)},
        {"payload_erased": True},
    ],
    ids=["claimed again", "lapsed", "asked for again", "erased"],
)
async def test_nothing_is_written_if_something_has_happened_to_one(
    database: Database, rows: Rows, tenant: TenantId, meanwhile: Row
) -> None:
    good = await claimed(database, rows, tenant, OK, OK, before={}, meanwhile={})
    odd = await claimed(database, rows, tenant, OK, before={}, meanwhile=meanwhile)
    before = await rows.all(EVERYTHING)

    async with database.engine() as tx:
        assert not await record_successes(tx, settled=[*good, *odd])

    assert await rows.all(EVERYTHING) == before


async def test_nothing_is_written_if_an_endpoint_was_failing(database: Database, rows: Rows, tenant: TenantId) -> None:
    outcomes = await claimed(database, rows, tenant, OK, OK, before={}, meanwhile={})
    await rows.delivery(tenant, failing := await rows.endpoint(tenant, failing_since=ago(60)))
    (late,) = await claim(database, *await rows.deliveries(1, tenant, failing))
    before = await rows.all(EVERYTHING)

    async with database.engine() as tx:
        assert not await record_successes(tx, settled=[*outcomes, settled(late, OK)])

    assert await rows.all(EVERYTHING) == before


@pytest.mark.parametrize("other", [DOWN, UNKNOWN])
async def test_nothing_is_written_if_one_has_not_succeeded(
    database: Database, rows: Rows, tenant: TenantId, other: Outcome
) -> None:
    outcomes = await claimed(database, rows, tenant, OK, other, before={}, meanwhile={})
    before = await rows.all(EVERYTHING)

    async with database.engine() as tx:
        assert not await record_successes(tx, settled=outcomes)

    assert await rows.all(EVERYTHING) == before


async def test_nothing_is_written_if_its_attempt_is_in_the_log(
    database: Database, rows: Rows, tenant: TenantId, delivery: DeliveryId
) -> None:
    outcome = settled(await claim_one(database, delivery), OK)
    await rows.put(tables.attempts, tenant, delivery_id=delivery, number=outcome.number)
    before = await rows.all(EVERYTHING)

    async with database.statement() as tx:
        assert not await record_successes(tx, settled=[outcome])

    assert await rows.all(EVERYTHING) == before


async def test_deliveries_that_are_gone_write_nothing(database: Database, rows: Rows, delivery: DeliveryId) -> None:
    outcome = settled(await claim_one(database, delivery), OK)
    gone = structs.replace(outcome, delivery_id=rows.new_id())

    async with database.engine() as tx:
        assert not await record_successes(tx, settled=[gone])

    assert await rows.all("SELECT id FROM attempts") == ()
