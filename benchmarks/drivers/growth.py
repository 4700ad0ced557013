"""What an event costs once the tables are large, and how much memory a deliverer takes beside a backlog.

The tables are filled in bulk with events that were delivered, each with a delivery and an attempt; at each size the
same stream goes through the whole product. Then a backlog is due at once, and the deliverer drains it while its memory
is watched, and while another tenant sends a single event now and then, as it did before. Everything lies in the present
week's partitions: the worst case, as only seven days of rows should.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.drivers.flow import flow
from benchmarks.filling import add_history, prepare_deliveries
from benchmarks.instruments.figures import latencies, per_thousand
from benchmarks.instruments.load import NUMBER, Order
from benchmarks.instruments.processes import Sending, Sink, pause, running_sink
from benchmarks.instruments.sink import Plan
from benchmarks.rig import TENANT, Rig, running_rig
from benchmarks.systems.ringback import Ringback
from core.clock import monotonic

_OTHER: Final = "other"
_RATE: Final = 5.0
"""Events a second of another tenant."""
_LAST: Final = 5.0
"""Seconds in which the last of them has to come."""
PADDING: Final = 200
"""Bytes of padding in each event that is there before."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    rows: tuple[int, ...] = (10_000, 1_000_000, 10_000_000)
    """Events, and as many deliveries and attempts."""
    events: int = 5000
    backlog: int = 1_000_000
    backlog_seconds: float = 30
    endpoints: int = 200
    connections: int = 64
    size: int = options.SIZE


QUICK: Final = Settings(rows=(1000, 50_000), events=1500, backlog=20_000, backlog_seconds=3, endpoints=20)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("growth", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure each size, then the backlog."""
    with running_sink(Plan(ports=settings.endpoints + 1)) as sink, running_rig() as rig:
        system = Ringback(rig)
        system.begin([sink.url(number) for number in range(settings.endpoints)], lanes=settings.endpoints)
        _stream(system, sink, settings)  # warm up
        there, rows = 0, list[dict[str, object]]()
        for size in settings.rows:
            add_history(rig, size - there, size=PADDING)
            there = size
            rows.append({"rows": size, **_stream(system, sink, settings)})
        order = _neighbour(rig, sink.url(settings.endpoints), settings)
        alone = flow(system, sink, order)
        backlog = _backlog(system, sink, settings, order)
    return {"rows": rows, "backlog": {"neighbour_alone": latencies(alone.latencies), **backlog}}


def _stream(system: Ringback, sink: Sink, settings: Settings) -> dict[str, object]:
    order = system.order(size=settings.size, lanes=settings.endpoints)
    order = msgspec.structs.replace(order, connections=settings.connections, count=settings.events)
    found = flow(system, sink, order)
    gibibytes = int(system.rig.ask("SELECT pg_database_size(current_database())")) / 2**30
    options.say(f"growth: {gibibytes:.1f} GiB, {per_thousand(found.spent, found.sent.count)}")
    return {"database_gib": round(gibibytes, 2), **found.figures()}


def _neighbour(rig: Rig, url: str, settings: Settings) -> Order:
    """Make another tenant with an endpoint of its own; return how it sends single events at a slow rate."""
    rig.stack.make_tenant(_OTHER)
    made = rig.stack.client.post("/v1/keys", json={"name": _OTHER, "role": "client"}).raise_for_status().json()
    rig.make_endpoints([{"url": url}])
    rig.stack.client.headers["Ringback-Tenant"] = TENANT
    return Order(
        port=rig.stack.port,
        path="/v1/events",
        headers={"Authorization": f"Bearer {made['key']}", "Content-Type": "application/json"},
        line=f'{{"type":"other","data":{{"mark":"{NUMBER}","pad":"{"x" * settings.size}"}}}}',
        first=rig.next_number,
        connections=1,
        rate=_RATE,
        seconds=settings.backlog_seconds,
    )


def _backlog(system: Ringback, sink: Sink, settings: Settings, neighbour: Order) -> dict[str, object]:
    """Watch the deliverer while it drains; the neighbour sends meanwhile."""
    rig = system.rig
    rig.stop_deliverer()
    prepare_deliveries(rig, settings.backlog, size=PADDING)
    sink.clear()
    rig.start_deliverer()
    pause(2)  # the start of the process is not a cost of delivering
    began, counted, before = monotonic(), sink.count(), rig.spent()
    order = msgspec.structs.replace(neighbour, first=rig.next_number)
    sending = Sending(order)
    while monotonic() - began < settings.backlog_seconds and sink.count() < settings.backlog:
        pause()
    spent, delivered, seconds = rig.spent(before), sink.count() - counted, monotonic() - began
    sent = sending.finish()
    rig.take_numbers(sent.count)
    pause(_LAST)
    came = sink.came().first_of_each()
    took = [came[order.first + number] - at for number, at in enumerate(sent.intended)]
    found: dict[str, object] = {
        "neighbour": latencies(took),
        "deliveries": settings.backlog,
        "delivered": delivered,
        "delivered_per_second": round(delivered / seconds, 1),
        "cpu_ms_per_1000": per_thousand(spent, max(1, delivered)),
        "deliverer": rig.memory("deliverer"),
    }
    options.say(f"growth, backlog: {found}")
    return found
