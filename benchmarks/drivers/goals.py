"""What is aimed at beside what is reached: each figure the median of several rounds.

A round asks the other benchmarks for one figure after the other, so that a machine that is slow for some minutes is so
for all of them. Settings are theirs unless told here: `accept` has 64 connections (8 for batches) and one endpoint that
matches; a single event has an ID of its own and an `Idempotency-Key`, a batch one key. `deliver` has 200 endpoints and
goes plain and over TLS in turns, twice each: what is read is their mean. `isolation` runs at half of what `through`
reached in that round, 20 % hanging. Large tables: see `growth`.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median
from typing import Final, NamedTuple, cast

import msgspec

from benchmarks.drivers import accept, deliver, fanout, isolation, memory, naive, options, through
from benchmarks.report.tables import look_up

Rows = Sequence[Mapping[str, object]]
Found = Mapping[str, Rows]
"""The rows of each benchmark of one round."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    rounds: int = 5
    seconds: float = 10
    """How long each rate lasts."""
    deliveries: int = 50_000
    naive_events: int = 1500


QUICK: Final = Settings(rounds=1, seconds=3, deliveries=10_000, naive_events=300)


class Goal(NamedTuple):
    """A figure, and what it should be."""

    figure: str
    wanted: float
    at_least: bool
    read: Callable[[Found], float]

    def row(self, rounds: Sequence[Found]) -> dict[str, object]:
        """Return what several rounds came to; `share` is over 1 where the goal is missed."""
        values = [self.read(found) for found in rounds]
        middle = median(values)
        share = self.wanted / middle if self.at_least else middle / self.wanted
        return {
            "figure": self.figure,
            "goal": f"{'≥' if self.at_least else '≤'} {self.wanted:,g}",
            "median": round(middle, 3),
            "lowest": round(min(values), 3),
            "highest": round(max(values), 3),
            "reached": "yes" if share <= 1 else "no",
            "share": round(share, 3),
            "rounds": [round(value, 3) for value in values],
        }


def _figure(benchmark: str, *paths: str, **named: object) -> Callable[[Found], float]:
    """Return how to read the sum of some figures of the row that has these values: of several, their mean."""

    def read(found: Found) -> float:
        rows = [row for row in found[benchmark] if all(row[name] == value for name, value in named.items())]
        return fmean(sum(float(cast("float", look_up(row, path))) for path in paths) for row in rows)

    return read


def _ratio(above: Callable[[Found], float], below: Callable[[Found], float]) -> Callable[[Found], float]:
    return lambda found: above(found) / below(found)


_CPU: Final = "cpu_ms_per_1000/all"
_WARM: Final = "warm_cpu_ms_per_1000/all"
"""Of the second half of a drain, when most connections are open."""
_ACCEPTED: Final = ("cpu_ms_per_1000/api", "cpu_ms_per_1000/postgres")
_SINGLE: Final[Mapping[str, object]] = {"batch": 1, "keyed": "both"}
_BATCH: Final[Mapping[str, object]] = {"batch": accept.BATCH, "keyed": "key"}
_P99: Final = "to_receipt/p99_ms"
_HEALTHY: Final = _figure("isolation", _P99, phase="healthy")


def _megabytes(transport: str) -> Callable[[Found], float]:
    resident = _figure("memory", "deliverer/most_resident_mib", transport=transport)
    return lambda found: resident(found) * 2**20 / 1_000_000


def _allowed(found: Found) -> float:
    """Return how late the healthy ones may be while others hang, in milliseconds."""
    alone = _HEALTHY(found)
    return max(1.5 * alone, alone + 10)


GOALS: Final = (
    Goal("accept, single: events/s", 7000, True, _figure("accept", "events_per_second", **_SINGLE)),
    Goal("its CPU in API and Postgres, ms for 1,000", 160, False, _figure("accept", *_ACCEPTED, **_SINGLE)),
    Goal("accept, batches of 1,000: events/s", 20_000, True, _figure("accept", "events_per_second", **_BATCH)),
    Goal("its CPU in API and Postgres, ms for 1,000", 60, False, _figure("accept", *_ACCEPTED, **_BATCH)),
    Goal("deliver: deliveries/s", 7000, True, _figure("deliver", "deliveries_per_second", transport="plain")),
    Goal("its CPU, ms for 1,000", 130, False, _figure("deliver", _CPU, transport="plain")),
    Goal(
        "deliver over TLS, warm: its CPU, as a multiple of plain",
        1.15,
        False,
        _ratio(_figure("deliver", _WARM, transport="tls"), _figure("deliver", _WARM, transport="plain")),
    ),
    Goal("its new connections, % of the second half", 2, False, _figure("deliver", "cold_per_cent", transport="tls")),
    Goal("through, one endpoint: events/s", 4500, True, _figure("through", "delivered_per_second", load="closed loop")),
    Goal("its CPU, ms for 1,000 events", 300, False, _figure("through", _CPU, load="closed loop")),
    Goal("at half of that, to the receipt: p50 ms", 15, False, _figure("through", "to_receipt/p50_ms", load="50 %")),
    Goal("p99 ms", 60, False, _figure("through", _P99, load="50 %")),
    Goal("through, two endpoints: deliveries/s", 8000, True, _figure("two", "deliveries_per_second")),
    Goal(
        "isolation: p99 of the healthy, of what is allowed",
        1,
        False,
        _ratio(_figure("isolation", _P99, phase="hanging"), _allowed),
    ),
    Goal("fan-out to 10,000: answered in ms", 300, False, _figure("fanout", "to_answer_ms")),
    Goal("all received in ms", 4000, False, _figure("fanout", "to_last_receipt_ms")),
    Goal(
        "CPU of the tutorial's design, as a multiple of ours",
        30,
        True,
        _ratio(_figure("naive", _CPU, system="naive"), _figure("naive", _CPU, system="ringback")),
    ),
    Goal("memory with 5,000 on the wire, MB", 200, False, _megabytes("plain")),
    Goal("over TLS, MB", 450, False, _megabytes("tls")),
)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("goals", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure all of it in each round."""
    rounds = list[Found]()
    for number in range(settings.rounds):
        rounds.append(_round(settings))
        told = [f"{row['figure']} {row['median']}" for row in rows(rounds[-1:])]
        options.say(f"goals, round {number + 1}: {'; '.join(told)}")
    return {"rows": rows(rounds)}


def rows(rounds: Sequence[Found]) -> Rows:
    """Return what each figure came to."""
    return [goal.row(rounds) for goal in GOALS]


def _round(settings: Settings) -> Found:
    seconds = settings.seconds
    one = through.measure(through.Settings(shares=(50,), seconds=seconds, capacity_seconds=seconds))
    half = _figure("through", "rate", load="50 %")({"through": _rows(one)})
    two = through.measure(through.Settings(shares=(), wanted_by=2, capacity_seconds=seconds))
    results: dict[str, Mapping[str, object]] = {
        "accept": accept.measure(_accept(seconds)),
        "deliver": deliver.measure(_deliver(settings.deliveries)),
        "through": one,
        "isolation": isolation.measure(isolation.Settings(rate=round(half), dead=0, seconds=2 * seconds)),
        "fanout": fanout.measure(fanout.Settings(endpoints=(10_000,), events=3)),
        "naive": naive.measure(naive.Settings(rounds=1, naive_events=settings.naive_events)),
        "memory": memory.measure(memory.Settings(in_flight=(5000,))),
    }
    return {name: _rows(result) for name, result in results.items()} | {"two": [_deliveries(_rows(two)[0])]}


def _accept(seconds: float) -> accept.Settings:
    return accept.Settings(seconds=seconds / 2, connections=(64,), batch_connections=(8,), endpoints=(1,), keyed="key")


def _deliver(deliveries: int) -> deliver.Settings:
    return deliver.Settings(endpoints=(200,), deliveries=deliveries, transports=("plain", "tls") * 2)


def _deliveries(row: Mapping[str, object]) -> Mapping[str, object]:
    """Return the rate of a stream whose events have two deliveries each."""
    return {"deliveries_per_second": 2 * cast("float", row["delivered_per_second"])}


def _rows(result: Mapping[str, object]) -> Rows:
    return cast("Rows", result["rows"])
