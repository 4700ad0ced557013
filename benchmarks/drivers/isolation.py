"""What receivers that hang or are dead do to the others: the latency of healthy ones with them and without, in one run.

Three phases at the same steady rate (open loop). `healthy`: all endpoints answer. `hanging`: a share of them takes
requests and never answers, so that each attempt lasts until its timeout. `dead`: all of them answer again, and beside
them as many events a second go to endpoints where nothing listens. Latencies are those of the endpoints that are
healthy in all three.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.instruments.figures import latencies, per_thousand
from benchmarks.instruments.load import Order
from benchmarks.instruments.processes import (
    PATIENCE,
    Sending,
    Sent,
    Sink,
    WrongAnswersError,
    pause,
    running_sink,
)
from benchmarks.instruments.sink import Plan
from benchmarks.systems.choice import running_system
from benchmarks.systems.system import System
from cli.embedded.ports import free_port
from core.clock import monotonic

SLICE: Final = 5
"""Seconds of each figure of the course."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    endpoints: int = 200
    hanging: int = 20
    """Per cent of them that hang in the second phase."""
    dead: int = 1000
    rate: float = 100
    """Events per second in all, and in the third phase as many more to the dead."""
    seconds: float = 40
    connections: int = 64
    size: int = options.SIZE
    peer: str = ""
    """A file that describes another system, already running; see docs/benchmarks.md."""


QUICK: Final = Settings(endpoints=50, dead=100, seconds=4)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("isolation", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure the three phases."""
    hanging = range(settings.endpoints * settings.hanging // 100)
    with running_sink(Plan(ports=settings.endpoints)) as sink, running_system(settings.peer) as system:
        urls = [sink.url(number) for number in range(settings.endpoints)]
        phases = {
            "healthy": _phase(system, sink, settings, urls),
            "hanging": _phase(system, sink, settings, urls, hanging=hanging),
        }
        if settings.dead:
            phases["dead"] = _phase(system, sink, settings, [*urls, *_dead_urls(settings)])
    rows = [{"phase": name, **_figures(one, settings, hanging)} for name, one in phases.items()]
    return {"system": system.name, "rows": rows}


class Phase(msgspec.Struct, frozen=True):
    """What a phase did; `came` has the first receipt of each event."""

    first: int
    sent: Sent
    came: Mapping[int, float]
    spent: Mapping[str, float]


def _dead_urls(settings: Settings) -> Sequence[str]:
    port = free_port()  # nobody listens there, and nobody will
    return [f"http://127.0.0.1:{port}/e/{settings.endpoints + number:05d}" for number in range(settings.dead)]


def _phase(
    system: System, sink: Sink, settings: Settings, urls: Sequence[str], *, hanging: Sequence[int] = ()
) -> Phase:
    system.begin(urls, lanes=len(urls))
    sink.clear()
    _stream(system, sink, settings, len(urls), seconds=2)  # warm up; nobody hangs yet
    sink.clear()
    sink.hang(hanging)
    return _stream(system, sink, settings, len(urls), seconds=settings.seconds, hanging=hanging)


def _stream(
    system: System, sink: Sink, settings: Settings, endpoints: int, *, seconds: float, hanging: Sequence[int] = ()
) -> Phase:
    """Send to the endpoints at the rate, to the dead beside them too; wait for what healthy ones have to get."""
    order = system.order(size=settings.size, lanes=settings.endpoints)
    order = msgspec.structs.replace(order, connections=settings.connections, rate=settings.rate, seconds=seconds)
    expected = int(settings.rate * seconds) + 1
    dead = endpoints - settings.endpoints
    others = msgspec.structs.replace(order, lanes=dead, first_lane=settings.endpoints, first=order.first + expected)
    before = system.spent()
    running = [Sending(one) for one in (order, others)[: 2 if dead else 1]]
    sent, *_ = [one.finish() for one in running]
    system.sent(expected * 2)
    came = _wait(sink, [number for number, _ in _healthy(order, sent, settings.endpoints, hanging)])
    return Phase(order.first, sent, came, system.spent(before))


def _wait(sink: Sink, numbers: Sequence[int]) -> Mapping[int, float]:
    deadline = monotonic() + PATIENCE
    while True:
        came = sink.came().first_of_each()
        missing = sum(number not in came for number in numbers)
        if not missing:
            return came
        if monotonic() > deadline:
            raise WrongAnswersError(f"{missing} of {len(numbers)} deliveries to healthy endpoints did not come")
        pause(1)


def _healthy(order: Order, sent: Sent, endpoints: int, hanging: Sequence[int]) -> Sequence[tuple[int, float]]:
    """Return the numbers of events for healthy endpoints, and when they were meant to be sent."""
    numbered = ((order.first + index, at) for index, at in enumerate(sent.intended))
    return [(number, at) for number, at in numbered if number % endpoints not in hanging]


def _figures(phase: Phase, settings: Settings, hanging: Sequence[int]) -> dict[str, object]:
    """Return the latencies of those that are healthy in every phase, in all and in their course."""
    took = list[float]()
    course: dict[int, list[float]] = {}
    for index, at in enumerate(phase.sent.intended):
        number = phase.first + index
        if number % settings.endpoints not in hanging:
            took.append(phase.came[number] - at)
            course.setdefault(int((at - phase.sent.started) // SLICE), []).append(took[-1])
    figures = latencies(took)
    options.say(f"isolation: {figures} {per_thousand(phase.spent, phase.sent.count)}")
    return {
        "events": len(took),
        "to_receipt": figures,
        "p99_ms_by_5_s": [latencies(part)["p99_ms"] for _, part in sorted(course.items())],
        "cpu_ms_per_1000": per_thousand(phase.spent, phase.sent.count),
    }
