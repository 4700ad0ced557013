import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.breaker import FIRST, LONGEST, Hold, after, is_over, opened, opens, paused, room

NOW = 1_000_000.0
OPEN = Hold(NOW + 30, 30)
PAUSED = Hold(NOW + 20, 0)


@pytest.mark.parametrize(
    ("succeeded", "failed", "open_"),
    [(0, 9, False), (0, 10, True), (3, 7, True), (4, 7, False), (4, 9, False), (30, 70, True), (31, 69, False)],
)
def test_ten_attempts_of_which_seven_in_ten_failed_open_it(succeeded: int, failed: int, open_: bool) -> None:  # noqa: FBT001 - a column of the table
    assert opens(succeeded, failed) is open_


@pytest.mark.parametrize(
    ("hold", "succeeded", "started", "now", "left"),
    [
        (OPEN, True, NOW, NOW + 1, None),
        (OPEN, True, NOW - 0.1, NOW + 1, OPEN),
        (OPEN, True, NOW - 0.1, NOW + 31, OPEN),
        (OPEN, False, NOW, NOW + 1, OPEN),
        (OPEN, False, NOW + 29, NOW + 59, OPEN),
        (OPEN, False, NOW + 30, NOW + 45, Hold(NOW + 105, 60)),
        (OPEN, True, NOW + 30, NOW + 45, None),
        (Hold(NOW, 400), False, NOW, NOW, Hold(NOW + 600, 600)),
        (Hold(NOW, 600), False, NOW, NOW, Hold(NOW + 600, 600)),
        (PAUSED, True, NOW, NOW, PAUSED),
        (PAUSED, False, NOW + 21, NOW + 22, PAUSED),
    ],
    ids=[
        "success",
        "well on the wire",
        "for long",
        "on the wire",
        "long on the wire",
        "failed probe",
        "probe",
        "ten minutes",
        "no longer",
        "p",
        "p2",
    ],
)
def test_what_an_attempt_means_for_a_hold(
    hold: Hold,
    succeeded: bool,  # noqa: FBT001 - a column of the table
    started: float,
    now: float,
    left: Hold | None,
) -> None:
    assert after(hold, succeeded=succeeded, started=started, now=now) == left


@pytest.mark.parametrize(
    ("hold", "now", "count"),
    [(None, NOW, None), (OPEN, NOW, 0), (OPEN, NOW + 30, 1), (PAUSED, NOW, 0), (PAUSED, NOW + 20, None)],
)
def test_an_open_breaker_lets_none_through_and_then_one(hold: Hold | None, now: float, count: int | None) -> None:
    assert room(hold, now) == count


@pytest.mark.parametrize(
    ("hold", "seconds", "left"),
    [
        (None, 5, Hold(NOW + 5, 0)),
        (None, 86_400, Hold(NOW + LONGEST, 0)),
        (PAUSED, 5, PAUSED),
        (PAUSED, 50, Hold(NOW + 50, 0)),
        (OPEN, 86_400, OPEN),
    ],
    ids=["new", "ten minutes at most", "an earlier end", "a later end", "open"],
)
def test_a_receiver_that_asks_for_a_pause_gets_it(hold: Hold | None, seconds: float, left: Hold) -> None:
    assert paused(hold, seconds, NOW) == left


@pytest.mark.parametrize(
    ("hold", "now", "over"),
    [(OPEN, NOW + 31, False), (OPEN, NOW + 3630, True), (PAUSED, NOW + 19, False), (PAUSED, NOW + 20, True)],
)
def test_a_pause_ends_by_itself_and_a_breaker_only_once_nothing_waits(hold: Hold, now: float, over: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_over(hold, now) is over


@given(st.integers(1, 30))
def test_failed_probes_double_the_hold_up_to_ten_minutes(probes: int) -> None:
    hold = _after_probes(opened(NOW), probes)

    assert hold.length == min(FIRST * 2**probes, LONGEST)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 100))
def test_more_successes_never_open_it_and_more_failures_never_close_it(good: int, bad: int, more: int) -> None:
    assert not opens(good, bad) or opens(good, bad + more)
    assert opens(good, bad) or good + bad < 10 or not opens(good + more, bad)


def _after_probes(hold: Hold, probes: int) -> Hold:
    for _ in range(probes):
        failed = after(hold, succeeded=False, started=hold.until, now=hold.until)
        assert failed is not None
        hold = failed
    return hold
