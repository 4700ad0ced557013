"""How often something may happen: so many at once, then at the pace."""

import pytest

from core.model.pacing import Pace


def granted(pace: Pace, moments: list[float]) -> list[bool]:
    """Return which of those who come at these moments are let in."""
    due, let_in = 0.0, list[bool]()
    for now in moments:
        let_in.append(pace.wait(due, now) == 0)
        due = pace.taken(due, now) if let_in[-1] else due
    return let_in


@pytest.mark.parametrize(
    ("pace", "moments", "expected"),
    [
        (Pace(2, 2), [10, 10, 10], [True, True, False]),
        (Pace(2, 2), [10, 10, 10.4, 10.5, 10.5], [True, True, False, True, False]),
        (Pace(2, 2), [10, 10, 100, 100, 100], [True, True, True, True, False]),
        (Pace(1, 1), [10, 10.9, 11], [True, False, True]),
        (Pace(0.5, 0.5), [10, 11, 12], [True, False, True]),
        (Pace(1, 3), [0, 0, 0, 0], [True, True, True, False]),
    ],
    ids=["burst", "refill", "no more than a burst", "one", "less than one", "more at once"],
)
def test_so_many_are_let_in(pace: Pace, moments: list[float], expected: list[bool]) -> None:
    assert granted(pace, moments) == expected


def test_the_wait_is_told_to_the_moment() -> None:
    pace = Pace(4, 1)
    due = pace.taken(0, 10)

    assert pace.wait(due, 10.1) == pytest.approx(0.15)


def test_no_second_sees_more_than_the_burst_and_the_pace() -> None:
    let_in = granted(Pace(10, 10), [n / 100 for n in range(300)])

    assert sum(let_in) <= 10 + 30
    assert max(sum(let_in[start : start + 100]) for start in range(200)) <= 20
