"""How an endpoint is, on the wire."""

from collections.abc import Sequence

from pydantic import Field

from api.schemas.fields import EndpointIdOut, Moment, Out
from core.journal.stats import Backlog, Window
from core.model.ids import EndpointId


class AttemptCountsOut(Out):
    """Attempts by outcome."""

    succeeded: int
    failed: int
    unknown: int = Field(description="Their process died; they may have been sent.")


class ErrorCountsOut(Out):
    """Failed attempts by error."""

    timeout: int
    connect: int
    tls: int
    dns: int
    blocked_address: int
    too_large: int
    protocol: int
    http_status: int


class PercentilesOut(Out):
    """Milliseconds that half, 95 % and 99 % of the ended attempts took at most; read from a histogram."""

    p50: float | None = Field(examples=[84.5])
    p95: float | None = Field(examples=[310.2])
    p99: float | None = Field(examples=[1204.0])


class WindowOut(Out):
    """The attempts that were recorded from `since` on, which lies up to five minutes, or an hour, before the window."""

    since: Moment
    success_rate: float | None = Field(description="Of those that ended; `null` if none did.", examples=[0.9987])
    latency_ms: PercentilesOut
    attempts: AttemptCountsOut
    errors: ErrorCountsOut

    @classmethod
    def of(cls, window: Window) -> "WindowOut":
        """Show a window."""
        return cls(
            since=window.since,
            success_rate=window.success_rate,
            latency_ms=PercentilesOut.model_validate(window.latency_ms),
            attempts=AttemptCountsOut.model_validate(window),
            errors=ErrorCountsOut.model_validate(window.errors),
        )


class BacklogOut(Out):
    """Deliveries that wait for the endpoint."""

    waiting: int = Field(description="Counted up to 10,000.", le=10_000)
    oldest_seconds: float | None = Field(description="How long the oldest has been due; `null` if none waits.")


class WindowsOut(Out):
    """The windows by their length."""

    hour: WindowOut = Field(serialization_alias="1h")
    day: WindowOut = Field(serialization_alias="24h")
    week: WindowOut = Field(serialization_alias="7d")


class EndpointStatsOut(Out):
    """Success, latency and attempts over an hour, a day and a week, and what waits now."""

    endpoint_id: EndpointIdOut
    windows: WindowsOut
    backlog: BacklogOut

    @classmethod
    def of(cls, endpoint_id: EndpointId, windows: Sequence[Window], backlog: Backlog) -> "EndpointStatsOut":
        """Show an endpoint's windows, shortest first, and its backlog."""
        hour, day, week = (WindowOut.of(window) for window in windows)
        return cls(
            endpoint_id=endpoint_id,  # pyright: ignore[reportArgumentType] - the validator encodes it
            windows=WindowsOut(hour=hour, day=day, week=week),
            backlog=BacklogOut.model_validate(backlog),
        )
