"""What the instruments themselves can do on this machine: the load generator against the sink, nothing between."""

from benchmarks.instruments.load import NUMBER, Order
from benchmarks.instruments.machine import cpu_seconds
from benchmarks.instruments.processes import Sink, running_sink, send
from benchmarks.instruments.sink import Plan


def ceilings(*, connections: int = 64, size: int = 1000, seconds: float = 1.0) -> dict[str, float]:
    """Return requests per second that each takes on a core of its own, by the CPU that it used for one.

    A request has a body of `size` bytes; both run at the same time.
    """
    with running_sink(Plan()) as sink:
        order = Order(
            port=sink.port,
            path="/e/00000",
            headers={},
            line=f'{{"mark":"{NUMBER}","pad":"{"x" * size}"}}',
            connections=connections,
            seconds=seconds,
            answer="200",
        )
        before = _sink_seconds(sink)
        sent = send(order)
        used = _sink_seconds(sink) - before
    return {
        "together_per_second": round(sent.count / sent.seconds),
        "sink_per_second": round(sent.count / used),
        "load_per_second": round(sent.count / sent.cpu),
    }


def _sink_seconds(sink: Sink) -> float:
    del sink
    return cpu_seconds()["benchmarks.instruments.sink"]
