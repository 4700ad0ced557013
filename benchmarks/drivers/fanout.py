"""One event to many endpoints: how long its sender waits for the answer, and how long until the last one has it."""

from collections.abc import Sequence
from statistics import median
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.drivers.flow import Flow, flow
from benchmarks.instruments.figures import per_thousand
from benchmarks.instruments.processes import Sink, running_sink
from benchmarks.instruments.sink import Plan
from benchmarks.systems.choice import running_system
from benchmarks.systems.system import System

_PORTS: Final = 2000
"""Endpoints beyond that many share a port, and with it connections."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    endpoints: tuple[int, ...] = (10, 100, 10_000)
    events: int = 5
    """Sent one after the other, each once the one before has come everywhere; figures are medians."""
    size: int = options.SIZE
    peer: str = ""
    """A file that describes another system, already running; see docs/benchmarks.md."""


QUICK: Final = Settings(endpoints=(10, 100, 500), events=3)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("fanout", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure each number of endpoints."""
    plan = Plan(ports=min(max(settings.endpoints), _PORTS))
    with running_sink(plan) as sink, running_system(settings.peer) as system:
        rows = [_row(system, sink, settings, endpoints) for endpoints in settings.endpoints]
    return {"system": system.name, "rows": rows}


def _row(system: System, sink: Sink, settings: Settings, endpoints: int) -> dict[str, object]:
    system.begin([sink.url(number) for number in range(endpoints)], lanes=1)
    cold = _event(system, sink, settings, endpoints)
    warm = [_event(system, sink, settings, endpoints) for _ in range(settings.events)]
    spent = {name: sum(one.spent.get(name, 0.0) for one in warm) for name in warm[0].spent}
    row: dict[str, object] = {
        "endpoints": endpoints,
        "to_answer_ms": round(median(one.sent.latencies[0] for one in warm) * 1000, 1),
        "to_last_receipt_ms": round(median(one.latencies[0] for one in warm) * 1000, 1),
        "first_event_to_last_receipt_ms": round(cold.latencies[0] * 1000, 1),
        "cpu_ms_per_1000_deliveries": per_thousand(spent, endpoints * settings.events),
    }
    options.say(f"fanout: {row}")
    return row


def _event(system: System, sink: Sink, settings: Settings, endpoints: int) -> Flow:
    order = system.order(size=settings.size, lanes=1)
    return flow(system, sink, msgspec.structs.replace(order, connections=1, count=1), fan_out=endpoints)
