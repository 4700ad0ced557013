"""Ringback beside what a tutorial builds of the same parts, in the same run, on the same stores.

The tutorial's design: FastAPI with an ORM session for each request, one Celery task for each delivery (prefork), httpx,
one ORM session for each task; attempts are recorded on both sides, requests signed on both sides. Each round sends
events through both, one after the other, fewer through the slower; what counts is the CPU of all processes and stores
for one event that was delivered and recorded.
"""

from collections.abc import Sequence
from statistics import median
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.drivers.flow import Flow, flow
from benchmarks.instruments.processes import Sink, running_sink
from benchmarks.instruments.sink import Plan
from benchmarks.rig import running_rig
from benchmarks.systems.naive import running_naive
from benchmarks.systems.ringback import Ringback
from benchmarks.systems.system import System


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    events: int = 10_000
    naive_events: int = 2000
    rounds: int = 3
    endpoints: int = 20
    connections: int = 64
    concurrency: int = 4
    """Processes of the Celery worker."""
    size: int = options.SIZE


QUICK: Final = Settings(events=2000, naive_events=300, rounds=1)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("naive", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure both in turn."""
    with (
        running_sink(Plan(ports=settings.endpoints)) as sink,
        running_rig() as rig,
        running_naive(rig, concurrency=settings.concurrency) as naive,
    ):
        both: dict[System, int] = {Ringback(rig): settings.events, naive: settings.naive_events}
        for system in both:
            system.begin([sink.url(number) for number in range(settings.endpoints)], lanes=settings.endpoints)
            _stream(system, sink, settings, 100)  # warm up
        streams = [
            {system.name: _stream(system, sink, settings, count) for system, count in both.items()}
            for _ in range(settings.rounds)
        ]
    ratio = median(one["naive"].cost / one["ringback"].cost for one in streams)
    rows = [{"system": name, **stream.figures()} for one in streams for name, stream in one.items()]
    return {"ratio_of_cpu": round(ratio, 1), "rows": rows}


def _stream(system: System, sink: Sink, settings: Settings, count: int) -> Flow:
    order = system.order(size=settings.size, lanes=settings.endpoints)
    order = msgspec.structs.replace(order, connections=settings.connections, count=count)
    found = flow(system, sink, order)
    options.say(f"naive, {system.name}: {found.sent.count / found.seconds:.0f}/s {found.cost * 1000:.2f} ms an event")
    return found
