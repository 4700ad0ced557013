"""Deliveries that are sent again: what becomes of the row, whatever is under way with it."""

import asyncio
from typing import cast

import pytest
from sqlalchemy import func

from core.database import Database
from core.intake.erase_queries import erase_payloads
from core.intake.reopen import Reopenings
from core.lease.queries import give_back
from core.model import tables
from core.model.errors import ConflictError
from core.model.ids import DeliveryId, EndpointId, TaskId, TenantId
from core.model.outcome import Outcome
from tests.support.claiming import DOWN, GONE, OK, UNKNOWN, claim, claim_one, record, settled
from tests.support.reopening import CANCELLED, DUE, EXHAUSTED, SUCCEEDED, TRIED, WAITING, Columns, reopenings_of, state
from tests.support.rows import Rows
from tests.support.samples import URL


@pytest.fixture
def reopenings(database: Database) -> Reopenings:
    """What clients reopen and cancel by."""
    return reopenings_of(database)


async def last_number(rows: Rows) -> int:
    """Take the last place in the order."""
    return cast("int", (await rows.one("SELECT nextval('delivery_order') AS last"))["last"])


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        (EXHAUSTED | TRIED, "retrying"),
        (CANCELLED | TRIED, "retrying"),
        (CANCELLED, "pending"),
        (SUCCEEDED | TRIED, "succeeded"),
        (WAITING | TRIED, "retrying"),
        (DUE, "pending"),
    ],
    ids=["exhausted", "cancelled", "never sent", "succeeded", "waiting", "due"],
)
async def test_a_resend_makes_a_delivery_due_with_its_schedule_from_the_start(
    rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId, columns: Columns, status: str
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)

    await reopenings.resend(tenant, delivery)

    attempts = columns.get("attempt_count", 0)
    assert await state(rows, delivery) == [status, None, "resend", 0, 0, attempts]
    assert await rows.one("SELECT due_at <= now() AS due, published_until FROM deliveries") == {
        "due": True,
        "published_until": None,
    }


@pytest.mark.parametrize(("columns", "moves"), [(EXHAUSTED, True), (SUCCEEDED, True), (WAITING, False), (DUE, False)])
async def test_what_had_ended_takes_the_last_place_and_what_waits_keeps_its_own(
    rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId, columns: Columns, *, moves: bool
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)
    before = await last_number(rows)

    await reopenings.resend(tenant, delivery)

    (place,) = await state(rows, delivery, "sequence")
    assert (cast("int", place) > before) is moves


@pytest.mark.parametrize(
    ("columns", "outcome", "after"),
    [
        (EXHAUSTED, DOWN, ["retrying", "retry", 1]),
        (EXHAUSTED, OK, ["succeeded", "retry", 0]),
        (SUCCEEDED, DOWN, ["succeeded", "retry", 0]),
        (SUCCEEDED, UNKNOWN, ["succeeded", "retry", 0]),
    ],
)
async def test_the_attempt_of_a_resend_is_settled_by_whether_it_had_succeeded(
    database: Database,
    rows: Rows,
    reopenings: Reopenings,
    tenant: TenantId,
    delivery: DeliveryId,
    columns: Columns,
    outcome: Outcome,
    after: list[object],
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)
    await reopenings.resend(tenant, delivery)

    await record(database, settled(await claim_one(database, delivery), outcome))

    assert await state(rows, delivery, "status", "trigger", "step") == after
    assert [one["trigger"] for one in await rows.attempts(delivery)] == ["resend"]


@pytest.mark.parametrize("before", [DUE, EXHAUSTED, CANCELLED, SUCCEEDED], ids=["due", "exhausted", "cancelled", "ok"])
async def test_a_resend_goes_past_a_pause(
    database: Database,
    rows: Rows,
    reopenings: Reopenings,
    tenant: TenantId,
    endpoint: EndpointId,
    delivery: DeliveryId,
    before: Columns,
) -> None:
    await rows.change(tables.deliveries, delivery, **before)
    await rows.change(tables.endpoints, endpoint, status="paused")

    await reopenings.resend(tenant, delivery)

    assert [one.trigger for one in await claim(database, delivery)] == ["resend"]


@pytest.mark.parametrize(
    ("outcome", "status", "moves"),
    [(OK, "succeeded", True), (DOWN, "retrying", False), (UNKNOWN, "retrying", False)],
    ids=["succeeded", "failed", "unknown"],
)
async def test_a_resend_of_what_is_on_the_wire_is_due_when_that_attempt_ends(
    database: Database,
    rows: Rows,
    reopenings: Reopenings,
    tenant: TenantId,
    delivery: DeliveryId,
    outcome: Outcome,
    status: str,
    *,
    moves: bool,
) -> None:
    claimed = await claim_one(database, delivery)
    place = await state(rows, delivery, "sequence")
    await reopenings.resend(tenant, delivery)

    due = await record(database, settled(claimed, outcome))

    assert [one.delivery_id for one in due] == [delivery]
    assert await state(rows, delivery, "status", "trigger", "step", "resend_asked_at") == [status, "resend", 0, None]
    assert (await state(rows, delivery, "sequence") != place) is moves
    assert [one.trigger for one in await claim(database, delivery)] == ["resend"]
    assert [one["trigger"] for one in await rows.attempts(delivery)] == ["first"]


async def test_a_resend_of_what_is_on_the_wire_is_kept_when_its_claim_is_given_back(
    database: Database, rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)
    await reopenings.resend(tenant, delivery)

    async with database.engine() as tx:
        await give_back(tx, delivery_id=delivery, claim=claimed.claim)

    assert await state(rows, delivery, "trigger", "resend_asked_at", "attempt_count") == ["resend", None, 0]
    assert [one.number for one in await claim(database, delivery)] == [1]


async def test_a_late_success_does_not_take_back_a_resend(
    database: Database, rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))
    await reopenings.resend(tenant, delivery)

    await record(database, settled(claimed, OK))

    assert await state(rows, delivery, "status", "trigger") == ["succeeded", "resend"]
    assert [one.had_succeeded for one in await claim(database, delivery)] == [True]


async def test_gone_ends_what_was_to_be_sent_again(
    database: Database, rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)
    await reopenings.resend(tenant, delivery)

    due = await record(database, settled(claimed, GONE))

    assert due == ()
    assert await state(rows, delivery, "status", "reason", "due_at") == ["cancelled", "gone", None]


@pytest.mark.parametrize(
    "endpoint_columns",
    [{"status": "disabled", "disabled_reason": "gone"}, {"deleted_at": func.now()}],
    ids=["disabled", "deleted"],
)
async def test_nothing_is_sent_again_to_an_endpoint_that_takes_nothing(
    rows: Rows,
    reopenings: Reopenings,
    tenant: TenantId,
    endpoint: EndpointId,
    delivery: DeliveryId,
    endpoint_columns: Columns,
) -> None:
    await rows.change(tables.deliveries, delivery, **EXHAUSTED)
    await rows.change(tables.endpoints, endpoint, **endpoint_columns)

    with pytest.raises(ConflictError):
        await reopenings.resend(tenant, delivery)

    assert await state(rows, delivery, "status", "due_at") == ["exhausted", None]


@pytest.mark.parametrize("sql", ["UPDATE events SET body = NULL, erased_at = now()", "DELETE FROM events"])
async def test_nothing_is_sent_again_without_its_payload(
    rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId, sql: str
) -> None:
    await rows.change(tables.deliveries, delivery, **EXHAUSTED)
    await rows.all(f"{sql} RETURNING 1 AS done")

    with pytest.raises(ConflictError):
        await reopenings.resend(tenant, delivery)


async def test_a_delivery_to_the_url_of_a_task_is_sent_again(
    rows: Rows, reopenings: Reopenings, tenant: TenantId
) -> None:
    direct = {"lane": rows.new_id(), "task_id": await rows.task(tenant), "url": URL}
    delivery = await rows.delivery(tenant, None, **direct, **EXHAUSTED)

    await reopenings.resend(tenant, delivery)

    assert await state(rows, delivery, "status", "trigger") == ["pending", "resend"]


async def test_an_erasure_that_comes_between_waits_and_cancels_what_was_reopened(
    database: Database, rows: Rows, reopenings: Reopenings, tenant: TenantId, endpoint: EndpointId
) -> None:
    task: TaskId = await rows.task(tenant)
    event = await rows.event(tenant, task_id=task)
    delivery = await rows.delivery(tenant, endpoint, event_id=event, task_id=task, **EXHAUSTED)

    async with database.engine() as tx:
        await erase_payloads(tx, tenant_id=tenant, task_id=task)
        resending = asyncio.create_task(reopenings.resend(tenant, delivery))
        await asyncio.wait([resending], timeout=0.3)
        waited = not resending.done()

    with pytest.raises(ConflictError):
        await resending
    assert waited
    assert await state(rows, delivery, "status", "due_at") == ["exhausted", None]
