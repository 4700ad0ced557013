"""What an event costs once the tables are large, and how much memory a deliverer takes beside a backlog.

The tables are filled in bulk with events that were delivered, each with a delivery and an attempt. Two products run
side by side, one with the fewest rows and one with more: at each size the same stream goes through one and the other in
turns, so that a machine that is slow for some minutes is so for both. Each turn's cost is told as a multiple of what it
was on the small one just before; whichever is not asked idles, and is counted on both sides. Then a backlog is due at
once, and the deliverer drains it while its memory is watched, and while another tenant sends a single event now and
then, as it did before. Everything lies in the present week's partitions: the worst case, as only seven days of rows
should.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.drivers.flow import Flow, flow
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
    """Events, and as many deliveries and attempts; what streams add comes on top."""
    turns: int = 5
    events: int = 5000
    backlog: int = 1_000_000
    backlog_seconds: float = 30
    endpoints: int = 200
    connections: int = 64
    size: int = options.SIZE


QUICK: Final = Settings(rows=(1000, 50_000), turns=2, events=1500, backlog=20_000, backlog_seconds=3, endpoints=20)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("growth", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure each size, then the backlog."""
    with ExitStack() as running:
        sink = running.enter_context(running_sink(Plan(ports=settings.endpoints + 1)))
        rig = running.enter_context(running_rig())
        with running_rig() as other:
            rows = _sizes(_begun(other, sink, settings), _begun(rig, sink, settings), sink, settings)
        order = _neighbour(rig, sink.url(settings.endpoints), settings)
        alone = flow(Ringback(rig), sink, order)
        backlog = _backlog(Ringback(rig), sink, settings, order)
    return {"rows": rows, "backlog": {"neighbour_alone": latencies(alone.latencies), **backlog}}


def _begun(rig: Rig, sink: Sink, settings: Settings) -> Ringback:
    system = Ringback(rig)
    system.begin([sink.url(number) for number in range(settings.endpoints)], lanes=settings.endpoints)
    return system


def _sizes(small: Ringback, large: Ringback, sink: Sink, settings: Settings) -> list[dict[str, object]]:
    fewest, there, rows, all_small = settings.rows[0], 0, list[dict[str, object]](), list[Flow]()
    for size in settings.rows[1:]:
        small.rig.empty()
        add_history(small.rig, fewest, size=PADDING)
        add_history(large.rig, size - there, size=PADDING)
        there = size
        _pair(small, large, sink, settings)  # warm up
        pairs = [_pair(small, large, sink, settings) for _ in range(settings.turns)]
        times = [ours.cost / beside.cost for beside, ours in pairs]
        rows.append(_row(size, large.rig, [ours for _, ours in pairs], times))
        all_small += (beside for beside, _ in pairs)
    return [_row(fewest, small.rig, all_small, [1.0]), *rows]


def _pair(small: Ringback, large: Ringback, sink: Sink, settings: Settings) -> tuple[Flow, Flow]:
    return _stream(small, sink, settings), _stream(large, sink, settings)


def _stream(system: Ringback, sink: Sink, settings: Settings) -> Flow:
    order = system.order(size=settings.size, lanes=settings.endpoints)
    order = msgspec.structs.replace(order, connections=settings.connections, count=settings.events)
    return flow(system, sink, order)


def _row(size: int, rig: Rig, flows: Sequence[Flow], times: Sequence[float]) -> dict[str, object]:
    """Return the figures of the stream whose cost is in the middle, and what sets of turns came to."""
    middle = sorted(flows, key=lambda one: one.cost)[len(flows) // 2]
    gibibytes = int(rig.ask("SELECT pg_database_size(current_database())")) / 2**30
    options.say(f"growth: {gibibytes:.1f} GiB, {per_thousand(middle.spent, middle.sent.count)}, {times} times")
    return {
        "rows": size,
        "database_gib": round(gibibytes, 2),
        "times_fewest": round(median(times), 3),
        "turns": [round(one, 3) for one in times],
        **middle.figures(),
    }


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
