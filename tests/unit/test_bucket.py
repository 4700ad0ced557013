import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.bucket import Bucket, Draw, burst_of, draw


@pytest.mark.parametrize(
    ("rate", "tokens", "wanted", "drawn"),
    [
        (10, 1.0, 1, Draw(1, 0.1)),
        (10, 1.0, 5, Draw(1, 0.1)),
        (10, 0.5, 5, Draw(0, 0.05)),
        (100, 10.0, 3, Draw(3, 0.0)),
        (1, 0.0, 1, Draw(0, 1.0)),
    ],
)
def test_what_is_granted_and_when_the_next_is_there(rate: int, tokens: float, wanted: int, drawn: Draw) -> None:
    _, found = draw(Bucket(tokens, 7.0), rate=rate, wanted=wanted, now=7.0)

    assert (found.granted, found.wait) == (drawn.granted, pytest.approx(drawn.wait))


def test_a_new_bucket_is_full() -> None:
    _, found = draw(None, rate=50, wanted=99, now=7.0)

    assert found.granted == burst_of(50) == 5


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    _, found = draw(Bucket(1.0, 9.0), rate=1, wanted=1, now=2.0)

    assert found.granted == 1


@given(st.integers(1, 1000), st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 50)), min_size=1, max_size=200))
def test_no_second_sees_more_than_the_rate_and_a_burst(rate: int, draws: list[tuple[float, int]]) -> None:
    granted = _granted(rate, draws)

    most = max(sum(n for at, n in granted if start <= at < start + 1) for start, _ in granted)
    assert most <= rate + burst_of(rate) + 1e-3


def _granted(rate: int, draws: list[tuple[float, int]]) -> list[tuple[float, int]]:
    now, bucket, granted = 0.0, None, list[tuple[float, int]]()
    for pause, wanted in draws:
        now += pause
        bucket, found = draw(bucket, rate=rate, wanted=wanted, now=now)
        granted.append((now, found.granted))
    return granted
