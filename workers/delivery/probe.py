"""What is seen of one request while it is under way, and why it has no whole answer."""

import msgspec

from core.clock import monotonic
from core.model.outcome import RESPONSE_HEADERS_LIMIT, ErrorClass


class ExchangeError(Exception):
    """The request has no whole answer; `error` says why."""

    def __init__(self, error: ErrorClass) -> None:
        super().__init__(error)
        self.error = error


class Probe(msgspec.Struct, gc=False):
    """What is seen of one request; times in milliseconds."""

    started: float = msgspec.field(default_factory=monotonic)
    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    address: str | None = None
    reused: bool = False
    written_at: float | None = None
    received: int = 0
    head_ended: bool = False
    end_read: bool = False

    @property
    def flooded(self) -> bool:
        """Whether more than any allowed response head has come, and it still has not ended."""
        return not self.head_ended and self.received > RESPONSE_HEADERS_LIMIT

    def total(self) -> float:
        """Return the time since the start."""
        return milliseconds_since(self.started)


def milliseconds_since(start: float) -> float:
    """Return the time since a monotonic reading in milliseconds."""
    return (monotonic() - start) * 1000
