"""How many events the API accepts, and what one costs: single and in batches, by connections and matching endpoints.

The deliverer does not run, so that what is measured is acceptance alone: authentication, the client's own ID or an
`Idempotency-Key` or both, fan-out, the commit (fsync on), and the message to RabbitMQ as long as its window has room.
Tables and queues are emptied before each row of the result. An answer of 503 ends the benchmark: with 64 batches of
1,000 at once the API may say that it cannot take more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.instruments.figures import latencies, per_thousand
from benchmarks.instruments.load import NUMBER, Order
from benchmarks.instruments.processes import Sink, WrongAnswersError, running_sink, send
from benchmarks.instruments.sink import Plan
from benchmarks.rig import Rig, running_rig

BATCH: Final = 1000
KEYED: Final = ("none", "id", "key", "both")
AT: Final = 64
"""Connections at which the other ways to know a repeated event are measured."""
_TYPES: Final = {0: "bench.none", 1: "bench.one", 10: "bench.ten"}
"""By how many endpoints want it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured; each row lasts `seconds`."""

    seconds: float = 5
    connections: tuple[int, ...] = (1, 8, 64, 256)
    batch_connections: tuple[int, ...] = (1, 8)
    endpoints: tuple[int, ...] = (0, 1, 10)
    keyed: str = "id"
    """How a repeated event is known: `none`, `id` (the client's), `key` (an `Idempotency-Key`) or `both`."""
    size: int = options.SIZE


QUICK: Final = Settings(seconds=1.5, connections=(64,), batch_connections=(8,))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the result."""

    batch: int
    connections: int
    endpoints: int
    keyed: str


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("accept", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure each row on one rig."""
    with running_sink(Plan()) as sink, running_rig() as rig:
        rig.stop_deliverer()
        _register(rig, sink)
        measure_row(rig, Row(1, 64, 1, settings.keyed), settings, seconds=1)  # warm up
        rows = [measure_row(rig, row, settings) for row in _rows(settings)]
    return {"rows": rows}


def _rows(settings: Settings) -> Iterator[Row]:
    for connections, endpoints in product(settings.connections, settings.endpoints):
        yield Row(1, connections, endpoints, settings.keyed)
    for connections, endpoints in product(settings.batch_connections, settings.endpoints):
        yield Row(BATCH, connections, endpoints, settings.keyed)
    for keyed in KEYED:
        if keyed != settings.keyed:
            yield Row(1, AT, 1, keyed)


def _register(rig: Rig, sink: Sink) -> None:
    for count, type_ in _TYPES.items():
        rig.make_endpoints([{"url": sink.url(number), "event_types": [type_]} for number in range(count)])


def measure_row(rig: Rig, row: Row, settings: Settings, *, seconds: float | None = None) -> dict[str, object]:
    """Send events for a while; every one of them has to be in Postgres afterwards."""
    rig.empty()
    order = order_of(rig, row, settings.size, seconds or settings.seconds)
    before = rig.spent()
    sent = send(order)
    spent = rig.spent(before)
    events = sent.count * row.batch
    rig.take_numbers(events)
    made = (events, events * row.endpoints)
    there = tuple(int(rig.ask(f"SELECT count(*) FROM {table}")) for table in ("events", "deliveries"))
    if there != made:
        raise WrongAnswersError(f"{there} events and deliveries in Postgres, {made} were answered for")
    options.say(f"accept {row}: {events / sent.seconds:.0f}/s {per_thousand(spent, events)}")
    return {
        "batch": row.batch,
        "connections": row.connections,
        "endpoints": row.endpoints,
        "keyed": row.keyed,
        "events": events,
        "events_per_second": round(events / sent.seconds, 1),
        **latencies(sent.latencies),
        "cpu_ms_per_1000": per_thousand(spent, events),
        "load_cpu_ms_per_1000": round(sent.cpu * 1_000_000 / events, 1),
    }


def order_of(rig: Rig, row: Row, size: int, seconds: float) -> Order:
    """Return what to send."""
    own = f'"id":"bench-{NUMBER}",' if row.keyed in ("id", "both") else ""
    line = f'{{"type":"{_TYPES[row.endpoints]}",{own}"data":{{"mark":"{NUMBER}","pad":"{"x" * size}"}}}}'
    key = {"Idempotency-Key": f'"bench-{NUMBER}"'} if row.keyed in ("key", "both") else {}
    headers = {"Authorization": f"Bearer {rig.key}", "Content-Type": "application/json", **key}
    single = row.batch == 1
    return Order(
        port=rig.stack.port,
        path="/v1/events" if single else "/v1/events/batch",
        headers=headers,
        line=line,
        opening="" if single else "[",
        between=",",
        closing="" if single else "]",
        batch=row.batch,
        first=rig.next_number,
        connections=row.connections,
        seconds=seconds,
    )
