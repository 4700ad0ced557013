"""A stream of events through a whole system, from the load generator to the sink."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.instruments.figures import latencies, per_thousand, percentile
from benchmarks.instruments.load import Order
from benchmarks.instruments.processes import PATIENCE, Sent, Sink, WrongAnswersError, eventually_counts, pause, send
from benchmarks.systems.system import System
from core.clock import monotonic


@dataclass(frozen=True, slots=True)
class Flow:
    """What a stream did; `latencies` are from the moment of sending, as it was meant, to each event's last receipt."""

    sent: Sent
    spent: Mapping[str, float]
    latencies: Sequence[float]
    duplicates: int
    last: float
    """When the last event came, on the monotonic clock."""

    @property
    def seconds(self) -> float:
        """From the first event's sending to the last receipt."""
        return self.last - self.sent.started

    @property
    def cost(self) -> float:
        """Seconds of CPU of all processes and stores for one event."""
        return sum(self.spent.values()) / self.sent.count

    def figures(self) -> dict[str, object]:
        """Return the result of a stream."""
        return {
            "events": self.sent.count,
            "accepted_per_second": round(self.sent.count / self.sent.seconds, 1),
            "delivered_per_second": round(self.sent.count / self.seconds, 1),
            "to_answer": latencies(self.sent.latencies),
            "to_receipt": latencies(self.latencies),
            "behind_ms": round((self.last - max(self.sent.answered)) * 1000, 1),
            "duplicates": self.duplicates,
            "cpu_ms_per_1000": per_thousand(self.spent, self.sent.count),
            "load_cpu_ms_per_1000": round(self.sent.cpu * 1_000_000 / self.sent.count, 1),
            "load_late_p99_ms": round(percentile(sorted(self.sent.lateness), 99) * 1000, 3),
        }


def flow(system: System, sink: Sink, order: Order, *, fan_out: int = 1) -> Flow:
    """Send an order, and wait until each event has come `fan_out` times and that is recorded.

    Raises:
        WrongAnswersError: something did not come, or was not accepted.
    """
    sink.clear()
    before = system.spent()
    sent = send(order)
    system.sent(sent.count)
    eventually_counts(sink, sent.count * fan_out)
    last = _receipts(sink, sent, order, fan_out)
    system.wait_until_recorded()
    spent = system.spent(before)
    took = [last[order.first + number] - at for number, at in enumerate(sent.intended)]
    duplicates = sink.count() - sent.count * fan_out
    return Flow(sent, spent, took, duplicates, max(last.values()))


def _receipts(sink: Sink, sent: Sent, order: Order, fan_out: int) -> dict[int, float]:
    """Return when each event came to the last of its endpoints for the first time."""
    deadline = monotonic() + PATIENCE
    while True:
        came = sink.came().first_of_each_pair()
        wanted = range(order.first, order.first + sent.count)
        missing = sum(fan_out - len(came.get(number, {})) for number in wanted)
        if not missing:
            return {number: max(came[number].values()) for number in wanted}
        if monotonic() > deadline:
            raise WrongAnswersError(f"{missing} deliveries did not come")
        pause()
