"""Deliveries that are cancelled: what becomes of the row, whatever is under way with it."""

import pytest

from core.database import Database
from core.intake.reopen import Reopenings
from core.model import tables
from core.model.errors import ConflictError, NotFoundError
from core.model.ids import DeliveryId, TenantId
from core.model.outcome import Outcome
from tests.support.claiming import DOWN, GONE, OK, UNKNOWN, claim, claim_one, record, settled
from tests.support.reopening import CANCELLED, DUE, EXHAUSTED, SUCCEEDED, WAITING, Columns, reopenings_of, state
from tests.support.rows import Rows


@pytest.fixture
def reopenings(database: Database) -> Reopenings:
    """What clients reopen and cancel by."""
    return reopenings_of(database)


@pytest.fixture
async def other(rows: Rows) -> TenantId:
    """Another tenant."""
    return await rows.tenant()


@pytest.mark.parametrize("columns", [DUE, WAITING], ids=["due", "waiting"])
async def test_what_waits_is_cancelled(
    database: Database, rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId, columns: Columns
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)

    await reopenings.cancel(tenant, delivery)

    assert await state(rows, delivery, "status", "reason", "due_at") == ["cancelled", "client", None]
    assert await claim(database, delivery) == ()


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        (DOWN, ["cancelled", "client"]),
        (UNKNOWN, ["cancelled", "client"]),
        (GONE, ["cancelled", "client"]),
        (OK, ["succeeded", None]),
    ],
    ids=["failed", "unknown", "gone", "succeeded"],
)
async def test_what_is_cancelled_on_the_wire_is_recorded_and_stays_so_unless_it_succeeds(
    database: Database,
    rows: Rows,
    reopenings: Reopenings,
    tenant: TenantId,
    delivery: DeliveryId,
    outcome: Outcome,
    after: list[object],
) -> None:
    claimed = await claim_one(database, delivery)
    await reopenings.cancel(tenant, delivery)
    at_once = await state(rows, delivery, "status", "reason")

    due = await record(database, settled(claimed, outcome))

    assert at_once == ["cancelled", "client"]
    assert (due, await state(rows, delivery, "status", "reason")) == ((), after)
    assert await state(rows, delivery, "due_at", "lease_until", "wait_reason") == [None, None, None]
    assert [one["outcome"] for one in await rows.attempts(delivery)] == [outcome.kind.value]


async def test_what_was_cancelled_on_the_wire_can_be_sent_again(
    database: Database, rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)
    await reopenings.cancel(tenant, delivery)

    await reopenings.resend(tenant, delivery)

    assert await state(rows, delivery, "status", "reason", "finished_at") == ["retrying", None, None]
    assert [one.delivery_id for one in await record(database, settled(claimed, DOWN))] == [delivery]


async def test_cancelling_takes_back_a_resend_of_what_had_succeeded(
    database: Database, rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId
) -> None:
    await rows.change(tables.deliveries, delivery, **SUCCEEDED)
    await reopenings.resend(tenant, delivery)

    await reopenings.cancel(tenant, delivery)

    assert await state(rows, delivery, "status", "reason", "due_at") == ["succeeded", None, None]
    assert await claim(database, delivery) == ()


@pytest.mark.parametrize("columns", [SUCCEEDED, EXHAUSTED, CANCELLED])
async def test_what_has_ended_is_not_cancelled(
    rows: Rows, reopenings: Reopenings, tenant: TenantId, delivery: DeliveryId, columns: Columns
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)
    before = await rows.row(tables.deliveries, delivery)

    with pytest.raises(ConflictError):
        await reopenings.cancel(tenant, delivery)

    assert await rows.row(tables.deliveries, delivery) == before


async def test_another_tenants_delivery_is_left_alone(
    rows: Rows, reopenings: Reopenings, other: TenantId, delivery: DeliveryId
) -> None:
    before = await rows.row(tables.deliveries, delivery)

    with pytest.raises(ConflictError):
        await reopenings.cancel(other, delivery)
    with pytest.raises((ConflictError, NotFoundError)):
        await reopenings.resend(other, delivery)

    assert await rows.row(tables.deliveries, delivery) == before
