"""The properties that the model checks can fail: each is broken by hand, and says so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from standardwebhooks import Webhook

from core.clock import at, unix_seconds
from tests.model.history import Accepted, Attempt, Delivery, History, Secret, Seen
from tests.model.properties import violations

START = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def attempt(number: int, outcome: str, *, trigger: str = "retry", after: float = 0) -> Attempt:
    at = START + timedelta(seconds=after)
    return Attempt(number=number, trigger="first" if number == 1 else trigger, outcome=outcome, started_at=at)


def seen(event: str, status: int | None, *, body: bytes = b"{}") -> Seen:
    now = at(unix_seconds())
    signature = Webhook(SECRET).sign(event, now, body.decode())
    headers = {"webhook-id": event, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return Seen(endpoint="a", webhook_id=event, at=now.timestamp(), headers=headers, body=body, status=status)


def good() -> History:
    """Two events: the first one failed and then succeeded, the second waited for it."""
    return History(
        schedule=(1, 1),
        accepted=[
            Accepted(event_id=f"evt_{n}", order=n, data=n, ordering_key=None, endpoints=frozenset({"a"}))
            for n in (1, 2)
        ],
        seen=[seen("evt_1", 500), seen("evt_1", 200), seen("evt_2", 200, body=b"[]")],
        events={"evt_1": 1, "evt_2": 2},
        deliveries=[
            delivery(1, attempt(1, "failed"), attempt(2, "succeeded", after=1)),
            delivery(2, attempt(1, "succeeded", after=2)),
        ],
        secrets={"a": [Secret(text=SECRET, since=0)]},
        fifo={"a"},
        counted={"a": {"succeeded": 2, "failed": 1}},
    )


def delivery(number: int, *attempts: Attempt, status: str = "succeeded", reason: str | None = None) -> Delivery:
    return Delivery(
        id=f"dlv_{number}",
        event_id=f"evt_{number}",
        endpoint="a",
        status=status,
        reason=reason,
        attempts=attempts,
    )


def with_first(*attempts: Attempt, status: str = "succeeded") -> History:
    history = good()
    history.deliveries[0] = delivery(1, *attempts, status=status)
    return history


def without_event() -> History:
    history = good()
    del history.events["evt_2"]
    return history


def with_counted(**counted: int) -> History:
    return replace(good(), counted={"a": counted})


def with_seen(*more: Seen) -> History:
    history = good()
    return replace(history, seen=[*history.seen, *more])


def unseen() -> History:
    return replace(good(), seen=good().seen[:1])


FAILED = attempt(1, "failed")
SUCCEEDED = attempt(2, "succeeded", after=1)


def late(*, since: float, until: float = inf) -> History:
    """A history whose requests were claimed in January, seen now, and signed with the secret of their claim alone."""
    other = Secret(text="whsec_" + "A" * 32, since=since, until=until)
    return replace(good(), secrets={"a": [Secret(text=SECRET, since=0), other]})


def test_a_history_in_which_all_is_well_has_nothing_against_it() -> None:
    assert violations(good()) == []


@pytest.mark.parametrize(("since", "until"), [(-60, inf), (-inf, -60)], ids=["came", "went"])
def test_a_secret_that_comes_or_goes_while_a_request_is_on_its_way_need_not_have_signed_it(
    since: float, until: float
) -> None:
    now = unix_seconds()

    history = late(since=now + since, until=now + until)

    assert violations(history) == []


@pytest.mark.parametrize(
    ("make", "broken"),
    [
        (without_event, "p1"),
        (lambda: replace(good(), deliveries=good().deliveries[:1]), "p1"),
        (lambda: with_first(FAILED, SUCCEEDED, status="retrying"), "p1"),
        (unseen, "p2"),
        (lambda: with_first(FAILED, status="exhausted"), "p2"),
        (lambda: with_seen(seen("evt_1", 200, body=b"other")), "p3"),
        (lambda: replace(good(), events={"evt_1": 1, "evt_2": 3}), "p3"),
        (lambda: with_seen(seen("evt_1", 500)), "p4"),
        (lambda: with_first(FAILED, replace(SUCCEEDED, number=3)), "p4"),
        (lambda: with_first(replace(FAILED, outcome="succeeded"), replace(SUCCEEDED, trigger="resend")), "p5"),
        (lambda: with_first(replace(FAILED, outcome="succeeded"), SUCCEEDED), "p6"),
        (lambda: with_first(FAILED, replace(SUCCEEDED, started_at=START + timedelta(seconds=0.2))), "p7"),
        (lambda: with_first(FAILED, replace(SUCCEEDED, started_at=START + timedelta(seconds=9))), "p8"),
        (lambda: replace(good(), secrets={"a": [Secret(text="whsec_" + "A" * 32, since=0)]}), "p12"),
        (lambda: late(since=START.timestamp() - 60), "p12"),
        (lambda: with_counted(succeeded=2, failed=0), "p14"),
    ],
)
def test_what_is_wrong_is_found_by_its_property(make: Callable[[], History], broken: str) -> None:
    found = violations(make())  # made here: a signature is valid for five minutes

    assert broken in {name.partition("_")[0] for name in found}
