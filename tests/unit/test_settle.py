from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.model.outcome import ErrorClass, Outcome, OutcomeKind, Response, Trigger
from core.model.settle import UNKNOWN_LIMIT, DeliveryState, Verdict, settle
from core.model.states import CancelReason, DeliveryStatus, WaitingFor

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)
FRESH = DeliveryState(step=0, unknown_run=0, trigger=Trigger.FIRST, had_succeeded=False, schedule=(5, 300))
UNKNOWN = Outcome(OutcomeKind.UNKNOWN)
TIMED_OUT = Outcome(OutcomeKind.FAILED, ErrorClass.TIMEOUT)
RECONNECT = Outcome(OutcomeKind.FAILED, ErrorClass.CONNECT, note="reconnect")


def answered(status: int, **headers: str) -> Outcome:
    """Return the outcome of an answer; underscores in header names stand for hyphens."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    response = Response(status, pairs, b"", truncated=False)
    if 200 <= status < 300:
        return Outcome(OutcomeKind.SUCCEEDED, response=response)
    return Outcome(OutcomeKind.FAILED, ErrorClass.HTTP_STATUS, response=response)


def waiting(delay: float, step: int, reason: WaitingFor = WaitingFor.SCHEDULE, unknown_run: int = 0) -> Verdict:
    """Return the verdict of a delivery that goes on."""
    return Verdict(DeliveryStatus.RETRYING, delay, step, unknown_run, waiting_for=reason)


def ended(status: DeliveryStatus, reason: CancelReason | None = None, *, disable: bool = False) -> Verdict:
    """Return the verdict of a fresh delivery that is over."""
    return Verdict(status, None, 0, 0, reason=reason, disable_endpoint=disable)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (answered(200), ended(DeliveryStatus.SUCCEEDED)),
        (answered(204), ended(DeliveryStatus.SUCCEEDED)),
        (answered(200, webhook_delivery="abort-message"), ended(DeliveryStatus.SUCCEEDED)),
        (answered(410), ended(DeliveryStatus.CANCELLED, CancelReason.GONE, disable=True)),
        (
            replace(answered(410), error=ErrorClass.TIMEOUT),
            ended(DeliveryStatus.CANCELLED, CancelReason.GONE, disable=True),
        ),
        (
            answered(410, webhook_delivery="abort-message"),
            ended(DeliveryStatus.CANCELLED, CancelReason.GONE, disable=True),
        ),
        (answered(500, Webhook_Delivery=" Abort-Message "), ended(DeliveryStatus.CANCELLED, CancelReason.ABORTED)),
        (answered(500, webhook_delivery="carry-on"), waiting(5, 1)),
        (answered(500), waiting(5, 1)),
        (answered(301), waiting(5, 1)),
        (TIMED_OUT, waiting(5, 1)),
        (UNKNOWN, Verdict(DeliveryStatus.RETRYING, 0, 0, 1)),
        (RECONNECT, Verdict(DeliveryStatus.RETRYING, 0, 0, 0, Trigger.RECONNECT)),
    ],
)
def test_the_first_attempt_is_settled(outcome: Outcome, verdict: Verdict) -> None:
    assert settle(outcome, FRESH, now=NOW, draw=0.0) == verdict


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (answered(429, Retry_After="120"), waiting(120, 1, WaitingFor.RETRY_AFTER)),
        (answered(503, retry_after="120"), waiting(120, 1, WaitingFor.RETRY_AFTER)),
        (answered(503, retry_after="Wed, 21 Oct 2026 07:29:00 GMT"), waiting(60, 1, WaitingFor.RETRY_AFTER)),
        (answered(503, retry_after="3"), waiting(5, 1)),
        (answered(503, retry_after="5"), waiting(5, 1)),
        (answered(503, retry_after="Wed, 21 Oct 2020 07:29:00 GMT"), waiting(5, 1)),
        (answered(503, retry_after="soon"), waiting(5, 1)),
        (answered(503, retry_after="999999999"), waiting(86_400, 1, WaitingFor.RETRY_AFTER)),
        (answered(500, retry_after="120"), waiting(5, 1)),
        (answered(502, retry_after="120"), waiting(5, 1)),
    ],
)
def test_retry_after_counts_on_429_and_503_where_it_is_later(outcome: Outcome, verdict: Verdict) -> None:
    assert settle(outcome, FRESH, now=NOW, draw=0.0) == verdict


@pytest.mark.parametrize("outcome", [TIMED_OUT, answered(503, retry_after="120")])
def test_a_failure_after_the_last_step_exhausts(outcome: Outcome) -> None:
    last = replace(FRESH, step=2)

    verdict = settle(outcome, last, now=NOW, draw=0.5)

    assert verdict == Verdict(DeliveryStatus.EXHAUSTED, None, 2, 0)


def test_a_success_after_the_last_step_is_one() -> None:
    verdict = settle(answered(200), replace(FRESH, step=2), now=NOW, draw=0.5)

    assert verdict.status is DeliveryStatus.SUCCEEDED


@pytest.mark.parametrize("run", [0, 1, 2])
def test_up_to_three_unknown_attempts_in_a_row_use_no_step(run: int) -> None:
    verdict = settle(UNKNOWN, replace(FRESH, unknown_run=run), now=NOW, draw=0.0)

    assert verdict == Verdict(DeliveryStatus.RETRYING, 0, 0, run + 1)


@pytest.mark.parametrize("run", [3, 4])
def test_every_further_unknown_attempt_uses_a_step(run: int) -> None:
    verdict = settle(UNKNOWN, replace(FRESH, unknown_run=run), now=NOW, draw=0.0)

    assert verdict == waiting(5, 1, unknown_run=run + 1)


def test_an_attempt_with_an_end_ends_the_run_of_unknown_ones() -> None:
    verdict = settle(TIMED_OUT, replace(FRESH, unknown_run=3), now=NOW, draw=0.0)

    assert verdict == waiting(5, 1)


def test_a_second_reconnect_in_a_row_uses_a_step() -> None:
    verdict = settle(RECONNECT, replace(FRESH, trigger=Trigger.RECONNECT), now=NOW, draw=0.0)

    assert verdict == waiting(5, 1)


@pytest.mark.parametrize(
    "outcome", [TIMED_OUT, UNKNOWN, RECONNECT, answered(500), answered(500, webhook_delivery="abort-message")]
)
def test_a_delivery_that_had_succeeded_stays_so(outcome: Outcome) -> None:
    state = replace(FRESH, trigger=Trigger.RESEND, had_succeeded=True)

    assert settle(outcome, state, now=NOW, draw=0.0) == ended(DeliveryStatus.SUCCEEDED)


def test_gone_disables_the_endpoint_of_a_delivery_that_had_succeeded_too() -> None:
    state = replace(FRESH, trigger=Trigger.RESEND, had_succeeded=True)

    assert settle(answered(410), state, now=NOW, draw=0.0) == ended(DeliveryStatus.SUCCEEDED, disable=True)


schedules = st.lists(st.integers(0, 86_400), max_size=12).map(tuple)
failures = st.sampled_from([TIMED_OUT, UNKNOWN, RECONNECT, answered(500), answered(503, retry_after="7")])


def states(outcomes: list[Outcome], schedule: tuple[int, ...], draw: float) -> list[Verdict]:
    """Return the verdicts of one delivery whose attempts have these outcomes, up to its end."""
    state = replace(FRESH, schedule=schedule)
    verdicts: list[Verdict] = []
    for outcome in outcomes:
        verdict = settle(outcome, state, now=NOW, draw=draw)
        verdicts.append(verdict)
        if verdict.delay is None:
            break
        state = replace(state, step=verdict.step, unknown_run=verdict.unknown_run, trigger=verdict.next_trigger)
    return verdicts


draws = st.floats(0, 1, exclude_max=True)


@given(st.lists(failures, min_size=80, max_size=80), schedules, draws)
def test_no_delivery_goes_on_for_ever(outcomes: list[Outcome], schedule: tuple[int, ...], draw: float) -> None:
    verdicts = states(outcomes, schedule, draw)

    # Each step may be preceded by a reconnect and by a whole run of unknown ones with one each.
    assert len(verdicts) <= (len(schedule) + 1) * (2 * UNKNOWN_LIMIT + 2)


@given(st.lists(failures, min_size=1, max_size=30), schedules, draws)
def test_steps_only_grow_and_delays_follow_them(
    outcomes: list[Outcome], schedule: tuple[int, ...], draw: float
) -> None:
    verdicts = states(outcomes, schedule, draw)

    steps = [verdict.step for verdict in verdicts]
    assert steps == sorted(steps)
    assert max(steps) <= len(schedule)
    assert all(verdict.delay is not None and verdict.delay >= 0 for verdict in verdicts[:-1])


@given(failures, schedules, draws, st.integers(0, 12))
def test_a_verdict_ends_exactly_when_it_has_no_delay(
    outcome: Outcome, schedule: tuple[int, ...], draw: float, step: int
) -> None:
    verdict = settle(outcome, replace(FRESH, schedule=schedule, step=step), now=NOW, draw=draw)

    assert (verdict.delay is None) == (verdict.status is not DeliveryStatus.RETRYING)
    assert (verdict.waiting_for is None) == (verdict.delay is None or verdict.step == step)
