"""Retry policies in tenacity's words."""

import math

import pytest
from tenacity import wait_chain, wait_exception, wait_exponential, wait_exponential_jitter, wait_fixed
from tenacity.wait import wait_base

from workers.task_types.retry import NO_RETRY, Retry, WaitFailedError

FAILED = ConnectionResetError()


@pytest.mark.parametrize(
    ("wait", "delays"),
    [
        (wait_fixed(3), [3, 3, 3, 3]),
        (wait_exponential(multiplier=1, max=5), [1, 2, 4, 5]),
        (wait_exponential_jitter(multiplier=2, max=10, jitter=0), [2, 4, 8, 10]),
        (wait_chain(wait_fixed(1), wait_fixed(60)), [1, 60, 60, 60]),
        (wait_fixed(1) + wait_fixed(2), [3, 3, 3, 3]),
    ],
)
def test_the_waits_are_tenacitys(wait: wait_base, delays: list[float]) -> None:
    policy = Retry(on=(ConnectionError,), stop_after_attempt=5, wait=wait)

    assert [policy.delay(FAILED, attempt) for attempt in range(1, 5)] == delays


@pytest.mark.parametrize("attempt", [3, 4, 99])
def test_the_last_attempt_is_final(attempt: int) -> None:
    assert Retry(on=(ConnectionError,), stop_after_attempt=3).delay(FAILED, attempt) is None


@pytest.mark.parametrize("error", [ConnectionError(), ConnectionRefusedError(), BrokenPipeError()])
def test_an_exception_counts_as_what_it_is_derived_from(error: Exception) -> None:
    assert Retry(on=(ConnectionError,), wait=wait_fixed(1)).delay(error, 1) == 1


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), ValueError()])
def test_any_other_exception_is_final(error: Exception) -> None:
    assert Retry(on=(ConnectionError,)).delay(error, 1) is None


def test_without_a_policy_every_failure_is_final() -> None:
    assert NO_RETRY.delay(FAILED, 1) is None


@pytest.mark.parametrize(("error", "delay"), [(ConnectionError(), 9), (ConnectionError("soon"), 1)])
def test_a_wait_may_go_by_the_error(error: ConnectionError, delay: int) -> None:
    policy = Retry(on=(ConnectionError,), wait=wait_exception(lambda raised: 1 if raised.args else 9))

    assert policy.delay(error, 1) == delay


@pytest.mark.parametrize("seconds", [math.nan, math.inf, 1e300, "soon", None])
def test_a_wait_that_says_no_seconds_has_failed(seconds: float) -> None:
    policy = Retry(on=(ConnectionError,), wait=wait_exception(lambda _: seconds))

    with pytest.raises(WaitFailedError):
        policy.delay(FAILED, 1)


def test_a_wait_until_a_moment_that_has_passed_is_none() -> None:
    assert Retry(on=(ConnectionError,), wait=wait_exception(lambda _: -1)).delay(FAILED, 1) == 0


def test_unless_told_it_waits_a_second_or_two_at_first_and_a_minute_at_most() -> None:
    policy = Retry(on=(ConnectionError,), stop_after_attempt=100)

    first, last = policy.delay(FAILED, 1), policy.delay(FAILED, 99)

    assert first is not None
    assert 1 <= first <= 2
    assert last == 60


def test_it_is_shown_by_its_numbers_and_names() -> None:
    policy = Retry(on=(ConnectionError, TimeoutError), stop_after_attempt=3, wait=wait_fixed(1))

    assert policy.document() == {"max_attempts": 3, "on": ["ConnectionError", "TimeoutError"], "wait": "wait_fixed"}
