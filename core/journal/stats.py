"""What became of an endpoint's attempts lately, and what waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.model.latency import percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The attempts that were recorded since a moment: how they ended, and how long they took.

    `since` is where a bucket begins, so that the counts are those of the log from there on.
    """

    name: str
    since: datetime
    succeeded: int
    failed: int
    unknown: int
    errors: Mapping[str, int]
    latencies: Sequence[int]

    @property
    def success_rate(self) -> float | None:
        """The share of those that ended which succeeded; what is unknown counts on neither side."""
        ended = self.succeeded + self.failed
        return round(self.succeeded / ended, 4) if ended else None

    @property
    def latency_ms(self) -> dict[str, float | None]:
        """Percentiles of the whole duration, of those that ended."""
        return {f"p{share}": percentile(self.latencies, share / 100) for share in (50, 95, 99)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Deliveries that wait for an endpoint, counted up to a limit, and how long the oldest has been due (seconds)."""

    waiting: int
    oldest_seconds: float | None
