"""How a tenant is: its attempts over time, what waits, and which endpoints fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.journal.stats import Backlog, Window
from core.model.ids import EndpointId
from core.model.latency import percentile
from core.model.outcome import ErrorClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The attempts that were recorded from a moment on, until the next span begins."""

    at: datetime
    succeeded: int
    failed: int
    unknown: int
    timeout: int
    connect: int
    tls: int
    dns: int
    blocked_address: int
    too_large: int
    protocol: int
    http_status: int
    latencies: Sequence[int]

    @property
    def latency_ms(self) -> dict[str, float | None]:
        """Percentiles of the whole duration, of those that ended."""
        return {f"p{share}": percentile(self.latencies, share / 100) for share in (50, 95, 99)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubled:
    """An endpoint of which attempts failed, or that is disabled."""

    id: EndpointId
    url: str | None
    description: str | None
    status: str
    disabled_reason: str | None
    failing_since: datetime | None
    succeeded: int
    failed: int

    @property
    def success_rate(self) -> float | None:
        """The share of those that ended which succeeded."""
        ended = self.succeeded + self.failed
        return round(self.succeeded / ended, 4) if ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantStats:
    """All of it; `step` is in seconds, `events_per_minute` is that of the last five."""

    name: str
    step: int
    spans: Sequence[Span]
    backlog: Backlog
    troubled: Sequence[Troubled]
    events_per_minute: float | None

    @property
    def total(self) -> Window:
        """The whole window."""
        return Window(
            name=self.name,
            since=self.spans[0].at,
            succeeded=sum(span.succeeded for span in self.spans),
            failed=sum(span.failed for span in self.spans),
            unknown=sum(span.unknown for span in self.spans),
            errors={error.value: sum(getattr(span, error.value) for span in self.spans) for error in ErrorClass},
            latencies=[sum(slot) for slot in zip(*(span.latencies for span in self.spans), strict=True)],
        )
