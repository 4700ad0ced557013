"""How much memory a deliverer takes with thousands of requests on the wire.

Every receiver takes its requests and answers none, so that each of them keeps a connection, a lease and its body of
1 KB in the deliverer; then the memory that is resident is read. Beside a backlog: see `growth`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.drivers.deliver import certificates
from benchmarks.filling import prepare_deliveries
from benchmarks.instruments.processes import Sink, WrongAnswersError, pause, running_sink
from benchmarks.instruments.sink import Plan
from benchmarks.rig import Rig, running_rig
from core.clock import monotonic
from workers.delivery.lanes import LANE_SHARE, TENANT_SHARE

_TIMEOUT: Final = 30
"""Seconds that each request stays on the wire."""
_ON_THE_WIRE: Final = "SELECT count(*) FROM leases"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    in_flight: tuple[int, ...] = (0, 1000, 5000)
    transports: tuple[str, ...] = ("plain", "tls")
    endpoints: int = 500
    size: int = options.SIZE


QUICK: Final = Settings(in_flight=(0, 500), endpoints=50)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("memory", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure each transport on a rig of its own."""
    return {"rows": [row for transport in settings.transports for row in _rows(settings, transport)]}


def _rows(settings: Settings, transport: str) -> Iterator[dict[str, object]]:
    # So many that neither the tenant's share of what is free nor a lane's share of that holds the last ones back.
    most = max(settings.in_flight)
    spare = TENANT_SHARE * LANE_SHARE * -(-most // settings.endpoints)
    limit = str(most * (TENANT_SHARE + 1) + 2 * spare)
    with certificates(transport) as (certificate, authorities):
        plan = Plan(ports=settings.endpoints, certificate=certificate)
        with running_sink(plan) as sink, running_rig(authorities=authorities, MAX_IN_FLIGHT=limit) as rig:
            for in_flight in settings.in_flight:
                yield {"transport": transport, "in_flight": in_flight, **_row(rig, sink, settings, in_flight)}


def _row(rig: Rig, sink: Sink, settings: Settings, in_flight: int) -> dict[str, object]:
    if "deliverer" in rig.stack.processes:
        rig.stack.kill("deliverer")
    rig.empty(endpoints=True)
    urls = [sink.url(number) for number in range(settings.endpoints)]
    rig.make_endpoints([{"url": url, "event_types": ["bench"], "timeout": _TIMEOUT} for url in urls])
    if in_flight:
        prepare_deliveries(rig, in_flight, size=settings.size)
    sink.hang(range(settings.endpoints))
    rig.start_deliverer()
    _wait_for(rig, in_flight)
    pause(3)  # what was claimed is on its way
    options.say(f"memory, {in_flight}: {rig.memory('deliverer')}")
    return {"deliverer": rig.memory("deliverer")}


def _wait_for(rig: Rig, in_flight: int) -> None:
    deadline, most = monotonic() + _TIMEOUT, 0
    while most < in_flight:
        if monotonic() > deadline:  # the first ones have ended
            raise WrongAnswersError(f"{most} of {in_flight} were on the wire at most")
        most = max(most, int(rig.ask(_ON_THE_WIRE)))
        pause()
