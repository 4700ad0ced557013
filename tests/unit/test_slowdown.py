from hypothesis import given
from hypothesis import strategies as st

from core.model.slowdown import Pace, faster, slower

CAP = 50


def test_it_starts_with_half_the_cap() -> None:
    assert slower(None, cap=CAP, started=1.0, now=2.0) == Pace(25.0, 2.0)


def test_it_halves_what_is_left_and_stops_at_one() -> None:
    halved = slower(Pace(8.0, 0.0), cap=CAP, started=1.0, now=2.0)
    least = slower(Pace(1.0, 0.0), cap=CAP, started=1.0, now=2.0)

    assert (halved.limit, least.limit) == (4, 1)


def test_what_was_under_way_at_the_last_cut_does_not_cut_again() -> None:
    pace = Pace(8.0, 5.0)

    assert slower(pace, cap=CAP, started=4.9, now=6.0) == pace


def test_a_lower_cap_counts_at_the_next_cut() -> None:
    assert slower(Pace(40.0, 0.0), cap=10, started=1.0, now=2.0).limit == 5


def test_a_round_of_successes_lets_one_more_go() -> None:
    assert _after_successes(Pace(4.0, 0.0), 5) == Pace(_after_successes(Pace(4.0, 0.0), 5).window, 0.0)
    assert _after_successes(Pace(4.0, 0.0), 5).limit == 5


def test_back_at_the_cap_nothing_is_left_of_it() -> None:
    assert faster(Pace(49.99, 0.0), cap=CAP) is None


@given(st.floats(1, 1000), st.integers(1, 1000))
def test_the_pace_stays_between_one_and_the_cap(window: float, cap: int) -> None:
    slow, quick = slower(Pace(window, 0.0), cap=cap, started=1.0, now=1.0), faster(Pace(window, 0.0), cap=cap)

    assert 1 <= slow.limit <= max(1, cap)
    assert quick is None or window < quick.window < cap


def _after_successes(pace: Pace, count: int) -> Pace:
    for _ in range(count):
        quicker = faster(pace, cap=CAP)
        assert quicker is not None
        pace = quicker
    return pace
