import pytest

from benchmarks.instruments.figures import latencies, per_thousand, percentile


@pytest.mark.parametrize(
    ("percent", "value"),
    [(50, 50.0), (99, 99.0), (99.9, 100.0), (100, 100.0), (1, 1.0), (0.1, 1.0)],
)
def test_a_percentile_is_a_value_that_was_seen(percent: float, value: float) -> None:
    hundred = [float(number) for number in range(1, 101)]

    assert percentile(hundred, percent) == value


@pytest.mark.parametrize(("count", "rank"), [(1000, 999), (999, 999), (10_000, 9990), (1, 1)])
def test_the_999th_of_a_thousand_is_the_p999(count: int, rank: int) -> None:
    assert percentile([float(number) for number in range(1, count + 1)], 99.9) == rank


@pytest.mark.parametrize(("values", "percent"), [([], 50.0), ([1.0], 0.0), ([1.0], 100.1)])
def test_a_percentile_of_nothing_or_beyond_all_is_refused(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="% of"):
        percentile(values, percent)


def test_latencies_are_told_in_milliseconds_whatever_their_order() -> None:
    told = latencies([0.003, 0.001, 0.002], percents=(50,))

    assert told == {"p50_ms": 2.0, "max_ms": 3.0}


def test_nothing_has_no_latencies() -> None:
    assert latencies([]) == {}


def test_costs_are_milliseconds_of_a_thousand_and_leave_out_who_did_nothing() -> None:
    told = per_thousand({"postgres": 0.5, "api": 1.5, "redis": 0.0}, 10_000)

    assert told == {"api": 150.0, "postgres": 50.0, "all": 200.0}
