"""From the request to the webhook's first byte at the receiver, at steady rates, and how much goes through in all.

Capacity: as fast as answers come over some connections, until the last of those events has come
(`delivered_per_second`). The rates are shares of it, open loop: a latency counts from the moment at which the event was
meant to be sent, to the last of the endpoints that want it. Each event is for `wanted_by` of the endpoints, in turn.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.drivers.flow import Flow, flow
from benchmarks.instruments.processes import Sink, running_sink
from benchmarks.instruments.sink import Plan
from benchmarks.systems.choice import running_system
from benchmarks.systems.system import System


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    shares: tuple[int, ...] = (20, 50, 80)
    """Rates, in per cent of the capacity."""
    seconds: float = 60
    """How long each rate lasts."""
    capacity_seconds: float = 10
    endpoints: int = 20
    wanted_by: int = 1
    """How many of the endpoints an event goes to: one event is that many deliveries."""
    connections: int = 64
    size: int = options.SIZE
    peer: str = ""
    """A file that describes another system, already running; see docs/benchmarks.md."""

    @property
    def lanes(self) -> int:
        """Kinds of events, each for endpoints of its own."""
        return self.endpoints // self.wanted_by


QUICK: Final = Settings(seconds=3, capacity_seconds=2)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("through", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure the capacity, then the rates."""
    with running_sink(Plan(ports=settings.endpoints)) as sink, running_system(settings.peer) as system:
        system.begin([sink.url(number) for number in range(settings.endpoints)], lanes=settings.lanes)
        _as_fast_as_possible(system, sink, settings, seconds=1)  # warm up
        capacity = _as_fast_as_possible(system, sink, settings, seconds=settings.capacity_seconds)
        rate = capacity.sent.count / capacity.seconds
        rows: list[dict[str, object]] = [{"load": "closed loop", "rate": None, **capacity.figures()}]
        rows += [_at(system, sink, settings, share, rate * share / 100) for share in settings.shares]
    return {"system": system.name, "rows": rows}


def _as_fast_as_possible(system: System, sink: Sink, settings: Settings, *, seconds: float) -> Flow:
    order = system.order(size=settings.size, lanes=settings.lanes)
    order = msgspec.structs.replace(order, connections=settings.connections, seconds=seconds)
    found = flow(system, sink, order, fan_out=settings.wanted_by)
    options.say(f"through, capacity: {found.sent.count / found.seconds:.0f}/s {found.cost * 1000:.2f} ms an event")
    return found


def _at(system: System, sink: Sink, settings: Settings, share: int, rate: float) -> dict[str, object]:
    order = system.order(size=settings.size, lanes=settings.lanes)
    order = msgspec.structs.replace(order, connections=settings.connections, seconds=settings.seconds, rate=rate)
    figures = flow(system, sink, order, fan_out=settings.wanted_by).figures()
    options.say(f"through, {share} %: {figures['to_receipt']} {figures['cpu_ms_per_1000']}")
    return {"load": f"{share} %", "rate": round(rate, 1), **figures}
