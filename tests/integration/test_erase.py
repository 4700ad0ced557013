"""Erasing beside those who send and replay: nothing of a payload is written after it was erased."""

import asyncio
from collections.abc import Coroutine

import pytest

from core.intake.judge import Judge
from core.intake.replay import Replays
from core.model import tables
from core.model.errors import ConflictError
from core.model.ids import DeliveryId, EndpointId, EventId, TenantId
from core.model.outcome import Outcome
from tests.support.claiming import DOWN, GONE, OK, SCHEDULE, UNKNOWN, claim_one, record, settled
from tests.support.feeding import new_publisher
from tests.support.rows import Rows
from tests.support.samples import ago

ON_THE_WIRE: dict[str, object] = {"lease_until": ago(-60), "claim": 1, "attempt_count": 1}


@pytest.fixture
def replays(rows: Rows) -> Replays:
    return Replays(rows.database, new_publisher("memory://"), Judge())


async def event_of(rows: Rows, delivery: DeliveryId) -> EventId:
    row = await rows.row(tables.deliveries, delivery)
    return EventId(row["event_id"])  # pyright: ignore[reportArgumentType] - it is a UUID


async def test_what_is_on_the_wire_ends_by_itself(
    rows: Rows, replays: Replays, tenant: TenantId, endpoint: EndpointId
) -> None:
    delivery = await rows.delivery(tenant, endpoint, **ON_THE_WIRE)

    await replays.erase(tenant, await event_of(rows, delivery))

    row = await rows.row(tables.deliveries, delivery)
    assert (row["status"], row["payload_erased"], row["due_at"] is None) == ("pending", True, False)


async def test_what_ends_after_that_is_recorded_without_the_response_body(
    rows: Rows, replays: Replays, tenant: TenantId, delivery: DeliveryId
) -> None:
    claimed = await claim_one(rows.database, delivery)
    await replays.erase(tenant, await event_of(rows, delivery))

    await record(rows.database, settled(claimed, OK))

    (attempt,) = await rows.attempts(delivery)
    assert (attempt["outcome"], attempt["response_status"], attempt["response_body"]) == ("succeeded", 200, None)


@pytest.mark.parametrize(
    ("outcome", "before", "after"),
    [
        (DOWN, {}, ("cancelled", "payload_erased")),
        (UNKNOWN, {}, ("cancelled", "payload_erased")),
        (DOWN, {"step": len(SCHEDULE)}, ("exhausted", None)),
        (GONE, {}, ("cancelled", "gone")),
        (OK, {}, ("succeeded", None)),
        (DOWN, {"succeeded_at": ago(60), "status": "succeeded", "finished_at": ago(60)}, ("succeeded", None)),
    ],
    ids=["failed", "unknown", "the last one", "gone", "succeeded", "a resend"],
)
async def test_what_fails_after_that_is_not_tried_again(
    rows: Rows,
    replays: Replays,
    tenant: TenantId,
    delivery: DeliveryId,
    outcome: Outcome,
    before: dict[str, object],
    after: tuple[str, str | None],
) -> None:
    await rows.change(tables.deliveries, delivery, **{"step": 0, **before})
    claimed = await claim_one(rows.database, delivery)
    await replays.erase(tenant, await event_of(rows, delivery))

    await record(rows.database, settled(claimed, outcome))

    row = await rows.row(tables.deliveries, delivery)
    assert (row["status"], row["reason"]) == after
    assert (row["due_at"], row["wait_reason"], row["lease_until"]) == (None, None, None)
    assert row["finished_at"] is not None


async def test_a_resend_that_was_asked_for_before_that_is_not_made(
    rows: Rows, replays: Replays, tenant: TenantId, delivery: DeliveryId
) -> None:
    claimed = await claim_one(rows.database, delivery)
    await rows.change(tables.deliveries, delivery, resend_asked_at=ago(1))
    await replays.erase(tenant, await event_of(rows, delivery))

    await record(rows.database, settled(claimed, DOWN))

    row = await rows.row(tables.deliveries, delivery)
    assert (row["status"], row["reason"], row["due_at"]) == ("cancelled", "payload_erased", None)


async def test_another_tenant_erases_nothing(rows: Rows, replays: Replays, delivery: DeliveryId) -> None:
    event = await event_of(rows, delivery)

    await replays.erase(await rows.tenant(), event)

    assert (await rows.row(tables.events, event))["erased_at"] is None


async def test_a_replay_beside_an_erasure_is_refused_or_cancelled(
    rows: Rows, replays: Replays, tenant: TenantId, endpoint: EndpointId
) -> None:
    events = [await rows.event(tenant) for _ in range(20)]
    both: list[Coroutine[None, None, None]] = [
        work for event in events for work in (replays.replay(tenant, event, endpoint), replays.erase(tenant, event))
    ]

    outcomes = await asyncio.gather(*both, return_exceptions=True)

    assert {type(one) for one in outcomes} <= {type(None), ConflictError}
    assert await rows.all("SELECT 1 FROM deliveries WHERE due_at IS NOT NULL") == ()
