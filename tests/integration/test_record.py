"""Outcomes: what is written of an attempt, and who may still change its delivery."""

import pytest
from msgspec import structs
from sqlalchemy import func

from core.database import Database
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.outcome import Outcome, OutcomeKind, Response, Timings
from core.model.queued import Queued
from tests.support.claiming import DOWN, GONE, OK, UNKNOWN, claim, claim_one, record, settled
from tests.support.rows import Rows

Row = dict[str, object]


def shown(row: Row, *names: str) -> list[object]:
    return [row[name] for name in names]


async def state(rows: Rows, delivery: DeliveryId) -> list[object]:
    """Return what matters of a delivery."""
    row = await rows.row(tables.deliveries, delivery)
    return shown(row, "status", "reason", "attempt_count", "step", "unknown_run", "trigger", "wait_reason")


async def test_a_success_ends_the_delivery(database: Database, rows: Rows, delivery: DeliveryId) -> None:
    claimed = await claim_one(database, delivery)

    due = await record(database, settled(claimed, OK))

    row = await rows.row(tables.deliveries, delivery)
    assert due == ()
    assert shown(row, "status", "due_at", "lease_until", "last_response_code") == ["succeeded", None, None, 200]
    assert row["finished_at"] == row["succeeded_at"] is not None


async def test_a_failure_takes_a_step_of_the_schedule(database: Database, rows: Rows, delivery: DeliveryId) -> None:
    claimed = await claim_one(database, delivery)

    due = await record(database, settled(claimed, DOWN))

    waits = await rows.one("SELECT due_at - now() BETWEEN INTERVAL '4 s' AND INTERVAL '5 s' AS ok FROM deliveries")
    assert due == ()
    assert await state(rows, delivery) == ["retrying", None, 1, 1, 0, "retry", "schedule"]
    assert waits == {"ok": True}


async def test_the_last_failure_ends_the_delivery_as_exhausted(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    await rows.change(tables.deliveries, delivery, step=2, claim=2, attempt_count=2, status="retrying")
    claimed = await claim_one(database, delivery)

    await record(database, settled(claimed, DOWN))

    row = await rows.row(tables.deliveries, delivery)
    assert shown(row, "status", "due_at", "lease_until", "last_error") == ["exhausted", None, None, "http_status"]
    assert row["finished_at"] is not None


async def test_what_is_due_again_at_once_is_returned_to_be_published(
    database: Database, delivery: DeliveryId, endpoint: EndpointId, tenant: TenantId
) -> None:
    claimed = await claim_one(database, delivery)

    due = await record(database, settled(claimed, structs.replace(DOWN, note="reconnect")))

    assert due == (Queued(delivery, endpoint, tenant),)


async def test_the_attempt_is_kept_as_it_was(database: Database, rows: Rows, delivery: DeliveryId) -> None:
    claimed = await claim_one(database, delivery)
    timings = Timings(dns=1.0, connect=2.0, tls=None, first_byte=3.5, total=4.25)
    outcome = structs.replace(OK, note="reset_in_body", address="192.0.2.1", timings=timings)

    await record(database, settled(claimed, outcome))

    (row,) = await rows.attempts(delivery)
    assert shown(row, "number", "trigger", "outcome", "note") == [1, "first", "succeeded", "reset_in_body"]
    assert shown(row, "dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms") == [1.0, 2.0, None, 3.5, 4.25]
    assert shown(row, "response_status", "response_body", "response_truncated") == [200, b"thanks", False]
    assert shown(row, "request_headers", "address") == [{"webhook-id": "evt_x"}, "192.0.2.1"]
    assert row["started_at"] == claimed.claimed_at


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ('"\\\x01\x1f\x7f', '"\\\x01\x1f\x7f'),
        ("caf\xe9 \xff\x80", "caf\xe9 \xff\x80"),
        ("\\u0000", "\\u0000"),
        ("", ""),
    ],
)
async def test_odd_characters_in_response_headers_survive(
    database: Database, rows: Rows, delivery: DeliveryId, value: str, kept: str
) -> None:
    claimed = await claim_one(database, delivery)
    answer = Response(200, (("X-Odd", value), ("X-Odd", "twice")), b"\x00\xff", truncated=True)

    await record(database, settled(claimed, Outcome(OutcomeKind.SUCCEEDED, response=answer)))

    (row,) = await rows.attempts(delivery)
    assert row["response_headers"] == [["X-Odd", kept], ["X-Odd", "twice"]]
    assert row["response_body"] == b"\x00\xff"


async def test_a_late_failure_fills_in_its_unknown_attempt_and_changes_nothing_else(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))
    before = await rows.row(tables.deliveries, delivery)

    await record(database, settled(claimed, DOWN))

    (attempt,) = await rows.attempts(delivery)
    assert shown(attempt, "outcome", "error", "note", "response_status") == ["failed", "http_status", "late", 500]
    assert await rows.row(tables.deliveries, delivery) == before


async def test_a_late_success_ends_the_delivery(database: Database, rows: Rows, delivery: DeliveryId) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))

    await record(database, settled(claimed, OK))

    (attempt,) = await rows.attempts(delivery)
    assert shown(attempt, "outcome", "note") == ["succeeded", "late"]
    row = await rows.row(tables.deliveries, delivery)
    assert shown(row, "status", "due_at", "attempt_count") == ["succeeded", None, 1]
    assert await claim(database, delivery) == ()


@pytest.mark.parametrize(("status", "reason"), [("exhausted", None), ("cancelled", "client")])
async def test_a_late_success_ends_what_was_given_up_or_cancelled(
    database: Database, rows: Rows, delivery: DeliveryId, status: str, reason: str | None
) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))
    ended = {"status": status, "reason": reason, "due_at": None, "finished_at": func.now()}
    await rows.change(tables.deliveries, delivery, **ended)

    await record(database, settled(claimed, OK))

    row = await rows.row(tables.deliveries, delivery)
    assert shown(row, "status", "reason", "due_at") == ["succeeded", None, None]
    assert row["succeeded_at"] is not None


async def test_an_old_failure_while_a_newer_claim_is_on_the_wire_changes_only_its_own_attempt(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    old = await claim_one(database, delivery)
    await record(database, settled(old, UNKNOWN))
    new = await claim_one(database, delivery)
    before = await rows.row(tables.deliveries, delivery)

    await record(database, settled(old, DOWN))

    (attempt,) = await rows.attempts(delivery)
    assert shown(attempt, "number", "outcome", "note") == [1, "failed", "late"]
    assert await rows.row(tables.deliveries, delivery) == before
    assert new.number == 2


async def test_an_old_success_while_a_newer_claim_is_on_the_wire_is_final_and_lets_that_end(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    old = await claim_one(database, delivery)
    await record(database, settled(old, UNKNOWN))
    new = await claim_one(database, delivery)
    await record(database, settled(old, OK))

    await record(database, settled(new, DOWN))

    row = await rows.row(tables.deliveries, delivery)
    assert shown(row, "status", "due_at", "lease_until") == ["succeeded", None, None]
    assert [one["outcome"] for one in await rows.attempts(delivery)] == ["succeeded", "failed"]


@pytest.mark.parametrize("outcome", [DOWN, GONE, UNKNOWN, OK], ids=["failed", "gone", "unknown", "succeeded"])
async def test_a_recorded_success_is_final_whatever_comes_later(
    database: Database, rows: Rows, delivery: DeliveryId, outcome: Outcome
) -> None:
    await record(database, settled(await claim_one(database, delivery), OK))
    before = await rows.row(tables.deliveries, delivery)
    await rows.change(tables.deliveries, delivery, due_at=func.now(), trigger="resend")
    again = await claim_one(database, delivery)

    await record(database, settled(again, outcome))

    row = await rows.row(tables.deliveries, delivery)
    assert shown(row, "status", "reason", "due_at", "lease_until") == ["succeeded", None, None, None]
    assert shown(row, "succeeded_at", "finished_at") == shown(before, "succeeded_at", "finished_at")
    assert len(await rows.attempts(delivery)) == 2


async def test_an_outcome_that_is_recorded_twice_counts_once(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    outcome = settled(await claim_one(database, delivery), DOWN)
    await record(database, outcome)
    before = await rows.row(tables.deliveries, delivery)

    await record(database, outcome)

    assert await rows.row(tables.deliveries, delivery) == before
    assert [one["note"] for one in await rows.attempts(delivery)] == [None]


async def test_gone_disables_the_endpoint_and_cancels_the_delivery(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    claimed = await claim_one(database, delivery)

    await record(database, settled(claimed, GONE))

    row = await rows.row(tables.endpoints, endpoint)
    assert shown(row, "status", "disabled_reason") == ["disabled", "gone"]
    assert (await state(rows, delivery))[:2] == ["cancelled", "gone"]


async def test_gone_does_not_change_why_an_endpoint_was_disabled(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    claimed = await claim_one(database, delivery)
    await rows.change(tables.endpoints, endpoint, status="disabled", disabled_reason="failing")

    await record(database, settled(claimed, GONE))

    assert (await rows.row(tables.endpoints, endpoint))["disabled_reason"] == "failing"


async def test_five_hundred_outcomes_are_recorded_by_one_statement(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=1000)
    claimed = await claim(database, *await rows.deliveries(500, tenant, endpoint))

    await record(database, *(settled(one, outcome) for one, outcome in zip(claimed, [OK, DOWN] * 250, strict=True)))

    counted = await rows.all("SELECT status, count(*) AS n FROM deliveries GROUP BY status ORDER BY status")
    assert counted == ({"status": "retrying", "n": 250}, {"status": "succeeded", "n": 250})
    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 500}
