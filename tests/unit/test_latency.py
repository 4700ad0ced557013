"""The histogram of latencies: which slot, and what is read from the slots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.latency import BOUNDS, SLOTS, percentile, slot_of


def histogram(*latencies: float) -> list[int]:
    slots = [slot_of(one) for one in latencies]
    return [slots.count(slot) for slot in range(SLOTS)]


@pytest.mark.parametrize(
    ("milliseconds", "slot"), [(0.0, 0), (0.99, 0), (1.0, 1), (1.5, 2), (2.0, 3), (32_767.0, 30), (1e9, 31)]
)
def test_a_latency_has_the_slot_between_its_bounds(milliseconds: float, slot: int) -> None:
    assert slot_of(milliseconds) == slot


def test_nothing_counted_has_no_percentile() -> None:
    assert percentile([0] * SLOTS, 0.5) is None


def test_the_upper_half_does_not_move_the_median() -> None:
    assert percentile(histogram(10, 10, 10, 9000), 0.5) == pytest.approx(10, rel=0.42)


def test_one_slow_answer_in_a_hundred_shows_in_the_last_percentile_only() -> None:
    counts = histogram(*[10] * 98, 9000, 9000)

    assert percentile(counts, 0.95) == pytest.approx(10, rel=0.42)
    assert percentile(counts, 0.99) == pytest.approx(9000, rel=0.42)


def test_what_outlived_every_timeout_reads_as_the_last_bound() -> None:
    assert percentile(histogram(1e9), 0.99) == BOUNDS[-1]


@given(st.lists(st.floats(min_value=1, max_value=30_000), min_size=1), st.floats(min_value=0.01, max_value=1))
def test_a_percentile_lies_within_a_factor_of_its_latency(latencies: list[float], share: float) -> None:
    ordered = sorted(latencies)
    wanted = share * len(ordered)
    true = ordered[next(n for n in range(len(ordered)) if n + 1 >= wanted)]

    read = percentile(histogram(*latencies), share)

    assert read is not None
    assert true / 1.42 <= read + 0.05
    assert read - 0.05 <= true * 1.42
