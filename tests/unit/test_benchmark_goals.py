from collections.abc import Mapping

import pytest

from benchmarks.drivers.goals import GOALS, Found, Goal, Rows, rows


def _found(value: float, *, hanging: float = 14.0) -> Found:
    """A round in which every figure is the same, but for how late the healthy ones are while others hang."""
    cpu = {"all": value, "api": value, "postgres": value}
    row: Mapping[str, object] = {
        "batch": 1,
        "keyed": "both",
        "load": "closed loop",
        "transport": "plain",
        "system": "naive",
        "phase": "healthy",
        "events_per_second": value,
        "deliveries_per_second": value,
        "delivered_per_second": value,
        "cold_per_cent": value,
        "to_answer_ms": value,
        "to_last_receipt_ms": value,
        "to_receipt": {"p50_ms": value, "p99_ms": value},
        "cpu_ms_per_1000": cpu,
        "warm_cpu_ms_per_1000": cpu,
        "deliverer": {"most_resident_mib": value},
    }
    late = {"to_receipt": {"p50_ms": hanging, "p99_ms": hanging}}
    other = {
        "batch": 1000,
        "keyed": "key",
        "load": "50 %",
        "transport": "tls",
        "system": "ringback",
        "phase": "hanging",
    }
    both: Rows = [row, {**row, **other}]
    found = dict.fromkeys(("accept", "deliver", "through", "naive", "memory"), both)
    return found | {"two": [row], "fanout": [row], "isolation": [row, {**row, **other, **late}]}


def _first(found: Found) -> float:
    value = found["two"][0]["deliveries_per_second"]
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize(
    ("at_least", "values", "reached"),
    [
        (True, (1.0, 10.0, 11.0), "yes"),
        (True, (9.9, 9.0, 30.0), "no"),
        (False, (10.0, 1.0, 99.0), "yes"),
        (False, (10.1, 1.0, 99.0), "no"),
    ],
)
def test_a_goal_is_reached_by_the_median_of_its_rounds(
    *, at_least: bool, values: tuple[float, ...], reached: str
) -> None:
    row = Goal("a figure", 10, at_least, _first).row([_found(value) for value in values])

    assert (row["reached"], row["lowest"], row["highest"]) == (reached, min(values), max(values))
    assert row["median"] == sorted(values)[1]
    assert row["goal"] == ("≥ 10" if at_least else "≤ 10")


def test_every_goal_reads_its_figure_from_a_round() -> None:
    read = {(row["figure"], row["median"]) for row in rows([_found(10.0)])}

    assert len(read) >= len({goal.figure for goal in GOALS})
    assert ("accept, single: events/s", 10.0) in read
    assert ("its CPU in API and Postgres, ms for 1,000", 20.0) in read
    assert ("deliver over TLS, warm: its CPU, as a multiple of plain", 1.0) in read
    assert ("over TLS, MB", 10.486) in read


@pytest.mark.parametrize(
    ("alone", "hanging", "share"),
    [(10.0, 20.0, 1.0), (10.0, 21.0, 1.05), (100.0, 150.0, 1.0), (100.0, 75.0, 0.5)],
)
def test_the_healthy_may_be_half_as_late_again_or_ten_milliseconds(alone: float, hanging: float, share: float) -> None:
    (row,) = [row for row in rows([_found(alone, hanging=hanging)]) if "isolation" in str(row["figure"])]

    assert row["median"] == share
