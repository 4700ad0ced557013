from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.journal.read import AttemptRecord, DeliveryRecord
from core.journal.schedule import Planned, plan
from core.model.ids import AttemptId, DeliveryId, EndpointId, EventId, TenantId
from core.model.states import WaitingFor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID(int=1)
DEFAULT = (5, 300, 1800)


def delivery(**columns: object) -> DeliveryRecord:
    """Return a delivery that waits for its first attempt."""
    values: dict[str, object] = {
        "id": DeliveryId(ID),
        "tenant_id": TenantId(ID),
        "event_id": EventId(ID),
        "event_type": "order.paid",
        "endpoint_id": EndpointId(ID),
        "task_id": None,
        "url": "https://example.com/",
        "status": "pending",
        "reason": None,
        "trigger": "first",
        "wait_reason": None,
        "due_at": NOW,
        "is_due": True,
        "on_the_wire": False,
        "had_succeeded": False,
        "resend_asked_at": None,
        "endpoint_status": "enabled",
        "attempt_count": 0,
        "step": 0,
        "schedule": None,
        "last_response_code": None,
        "last_error": None,
        "created_at": NOW,
        "finished_at": None,
    }
    return DeliveryRecord(**(values | columns))  # pyright: ignore[reportArgumentType] - a test names what it changes


def attempt(number: int, outcome: str = "failed") -> AttemptRecord:
    """Return an attempt that was made."""
    return AttemptRecord(
        id=AttemptId(ID),
        delivery_id=DeliveryId(ID),
        number=number,
        trigger="first" if number == 1 else "retry",
        outcome=outcome,
        error="timeout" if outcome == "failed" else None,
        note=None,
        request_url="https://example.com/",
        request_headers={},
        request_body=None,
        response_status=None,
        response_headers=None,
        response_body=None,
        response_truncated=None,
        address=None,
        dns_ms=None,
        connect_ms=None,
        tls_ms=None,
        first_byte_ms=None,
        total_ms=None,
        started_at=NOW - timedelta(seconds=number),
    )


def coming(planned: list[Planned]) -> list[tuple[int, float, str]]:
    """Return what is still to come: number, seconds from now, and why."""
    return [(one.number, (one.at - NOW).total_seconds(), one.reason) for one in planned if not one.made]


def test_a_new_delivery_has_its_first_attempt_and_the_whole_schedule_to_come() -> None:
    planned = plan(delivery(), [], default=DEFAULT)

    assert coming(planned) == [(1, 0, "first"), (2, 5, "retry"), (3, 305, "retry"), (4, 2105, "retry")]


def test_attempts_come_before_what_follows_from_them() -> None:
    waiting = delivery(status="retrying", attempt_count=1, step=1, trigger="retry", due_at=NOW + timedelta(seconds=5))

    planned = plan(waiting, [attempt(1)], default=DEFAULT)

    assert [one.made for one in planned] == [True, False, False, False]
    assert (planned[0].number, planned[0].reason, planned[0].outcome, planned[0].error) == (
        1,
        "first",
        "failed",
        "timeout",
    )
    assert coming(planned) == [(2, 5, "retry"), (3, 305, "retry"), (4, 2105, "retry")]


@pytest.mark.parametrize(
    ("own", "seconds"), [([], [0]), ([60], [0, 60]), ([1, 2, 3], [0, 1, 3, 6])], ids=["none", "one", "three"]
)
def test_the_schedule_of_the_endpoint_goes_before_the_default(own: list[int], seconds: list[int]) -> None:
    planned = plan(delivery(schedule=own), [], default=DEFAULT)

    assert [at for _, at, _ in coming(planned)] == seconds


def test_the_attempt_on_the_wire_is_still_to_come_under_its_own_number() -> None:
    sending = delivery(on_the_wire=True, attempt_count=1)

    assert coming(plan(sending, [], default=(5,))) == [(1, 0, "first"), (2, 5, "retry")]


def test_an_ended_delivery_has_nothing_to_come() -> None:
    ended = delivery(status="succeeded", due_at=None, attempt_count=2)

    planned = plan(ended, [attempt(1), attempt(2, "succeeded")], default=DEFAULT)

    assert [(one.number, one.made, one.outcome) for one in planned] == [(1, True, "failed"), (2, True, "succeeded")]


def test_a_used_up_schedule_has_one_attempt_to_come() -> None:
    last = delivery(status="retrying", attempt_count=3, step=3, trigger="retry")

    assert coming(plan(last, [], default=DEFAULT)) == [(4, 0, "retry")]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({}, None),
        ({"is_due": False}, "schedule"),
        ({"is_due": False, "wait_reason": "retry_after"}, "retry_after"),
        ({"endpoint_status": "paused"}, "paused"),
        ({"endpoint_status": "paused", "is_due": False}, "paused"),
        ({"on_the_wire": True}, None),
        ({"due_at": None, "status": "cancelled"}, None),
        ({"endpoint_status": None, "is_due": False}, "schedule"),
        ({"is_pulled": True}, "pull"),
        ({"is_pulled": True, "is_due": False}, "schedule"),
        ({"is_pulled": True, "held_by": WaitingFor.ORDER}, "order"),
    ],
)
def test_why_a_delivery_waits_is_computed(columns: dict[str, object], why: str | None) -> None:
    assert delivery(**columns).waiting_for == why


@pytest.mark.parametrize(("on_the_wire", "at"), [(True, None), (False, NOW)])
def test_the_next_attempt_is_not_told_while_one_is_on_the_wire(*, on_the_wire: bool, at: datetime | None) -> None:
    assert delivery(on_the_wire=on_the_wire).next_attempt_at == at


def test_what_had_succeeded_is_sent_again_once() -> None:
    sent_again = delivery(status="succeeded", had_succeeded=True, trigger="resend", attempt_count=1)

    coming = plan(sent_again, [attempt(1, "succeeded")], default=DEFAULT)[1:]

    assert coming == [Planned(number=2, at=NOW, made=False, reason="resend")]


def test_a_resend_of_what_is_on_the_wire_follows_it_and_starts_the_schedule_again() -> None:
    asked = NOW + timedelta(seconds=1)
    on_the_wire = delivery(on_the_wire=True, attempt_count=1, step=2, resend_asked_at=asked)

    coming = plan(on_the_wire, [], default=(5,))

    assert [(one.number, one.reason, one.at) for one in coming] == [
        (1, "first", NOW),
        (2, "resend", asked),
        (3, "retry", asked + timedelta(seconds=5)),
    ]
