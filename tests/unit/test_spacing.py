"""How far apart bursts go out, by a clock of the test's own."""

import pytest

from core import clock
from core.dispatch.spacing import Spacing


class Time:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "monotonic", time)
    return time


def bursts(spacing: Spacing, time: Time, *, every: float, count: int) -> list[float]:
    """Hand over a thing each `every` seconds; return how long the first of each burst waited."""
    waits: list[float] = []
    handed_over = time.now
    for _ in range(count):
        time.now = max(time.now, handed_over)
        waits.append(spacing.pause())
        time.now += waits[-1]
        came = 1 + int((time.now - handed_over) / every)
        spacing.sent(came)
        handed_over += came * every
    return waits


def test_the_first_burst_goes_at_once(time: Time) -> None:
    del time
    assert Spacing(0.025, 0.1, many=4).pause() == 0


def test_what_comes_seldom_never_waits(time: Time) -> None:
    assert bursts(Spacing(0.025, 0.1, many=4), time, every=0.04, count=50) == [0.0] * 50


def test_what_comes_fast_goes_out_further_and_further_apart(time: Time) -> None:
    waits = bursts(Spacing(0.025, 0.1, many=4), time, every=0.005, count=20)

    assert waits[-1] == pytest.approx(0.095, abs=0.006)
    assert max(waits) == pytest.approx(0.1)


def test_after_a_rush_it_goes_at_once_again(time: Time) -> None:
    spacing = Spacing(0.025, 0.1, many=4)
    bursts(spacing, time, every=0.005, count=20)

    waits = bursts(spacing, time, every=0.04, count=20)

    assert waits[-10:] == [0.0] * 10


def test_with_nothing_between_no_burst_waits(time: Time) -> None:
    assert bursts(Spacing(0, 0, many=0), time, every=0.001, count=50) == [0.0] * 50


def test_a_fixed_distance_is_kept(time: Time) -> None:
    waits = bursts(Spacing(0.01, 0.01, many=1), time, every=0.001, count=20)

    assert waits[1:] == pytest.approx([0.009] * 19, abs=0.0015)


@pytest.mark.parametrize(("every", "apart"), [(1 / 5000, 0.01), (1 / 3000, 0.004)], ids=["enough", "too little"])
def test_a_burst_goes_later_only_where_it_then_carries_enough(time: Time, every: float, apart: float) -> None:
    waits = bursts(Spacing(0.004, 0.01, many=40), time, every=every, count=20)

    assert waits[-10:] == pytest.approx([apart] * 10, abs=0.0006)
