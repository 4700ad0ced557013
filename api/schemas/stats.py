"""How a tenant is, on the wire."""

from typing import Literal

from pydantic import Field

from api.schemas.endpoint_stats import BacklogOut, PercentilesOut, WindowOut
from api.schemas.fields import EndpointIdOut, Moment, Out
from core.journal.tenant_stats import Span, TenantStats, Troubled


class SpanOut(Out):
    """The attempts that were recorded from `at` on, until the next span begins."""

    at: Moment
    succeeded: int
    failed: int
    unknown: int
    latency_ms: PercentilesOut

    @classmethod
    def of(cls, span: Span) -> "SpanOut":
        """Show a span."""
        return cls.model_validate(span)


class TroubledOut(Out):
    """An endpoint of which attempts failed."""

    id: EndpointIdOut
    url: str | None = Field(description="`null` of one that is pulled from.")
    description: str | None
    status: Literal["enabled", "paused", "disabled"]
    disabled_reason: str | None
    failing_since: Moment | None = Field(description="Since when no attempt has succeeded.")
    succeeded: int
    failed: int
    success_rate: float | None

    @classmethod
    def of(cls, endpoint: Troubled) -> "TroubledOut":
        """Show an endpoint in trouble."""
        return cls.model_validate(endpoint)


class StatsOut(Out):
    """The attempts of a window in spans, what waits now, and the endpoints that fail, the worst one first."""

    window: Literal["1h", "24h", "7d"]
    span_seconds: int
    total: WindowOut
    spans: list[SpanOut]
    backlog: BacklogOut
    failing: list[TroubledOut] = Field(description="Ten at most.")
    events_per_minute: float | None = Field(description="Over the last five minutes; `null` of one endpoint or owner.")

    @classmethod
    def of(cls, stats: TenantStats) -> "StatsOut":
        """Show how a tenant is."""
        return cls(
            window=stats.name,  # pyright: ignore[reportArgumentType] - one of the three
            span_seconds=stats.step,
            total=WindowOut.of(stats.total),
            spans=[SpanOut.of(span) for span in stats.spans],
            backlog=BacklogOut.model_validate(stats.backlog),
            failing=[TroubledOut.of(one) for one in stats.troubled],
            events_per_minute=stats.events_per_minute,
        )
