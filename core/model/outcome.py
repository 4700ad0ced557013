"""What became of one attempt, as a value.

```
claim ──► send ──► Outcome ──► settle ──► Verdict ──► record
```
"""

from enum import StrEnum
from typing import Final

import msgspec

RESPONSE_BODY_LIMIT: Final = 16 * 1024
RESPONSE_HEADERS_LIMIT: Final = 64 * 1024
RESPONSE_HEADERS_MAX: Final = 500
"""Headers of one response: each costs time to read, to keep and to record, however short it is."""


class OutcomeKind(StrEnum):
    """How an attempt ended; `unknown` means that its process died and it may have been sent."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ErrorClass(StrEnum):
    """Why a failed attempt failed."""

    TIMEOUT = "timeout"
    CONNECT = "connect"
    TLS = "tls"
    DNS = "dns"
    BLOCKED_ADDRESS = "blocked_address"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    HTTP_STATUS = "http_status"


class Trigger(StrEnum):
    """Why an attempt was made."""

    FIRST = "first"
    RETRY = "retry"
    RESEND = "resend"
    REPLAY = "replay"
    RECOVER = "recover"
    TEST = "test"
    RECONNECT = "reconnect"


class Response(msgspec.Struct, frozen=True, gc=False):
    """What the receiver answered; `body` holds what was kept of it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool

    def header(self, name: str) -> str | None:
        """Return the first value of the header, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Timings(msgspec.Struct, frozen=True, gc=False):
    """Durations of one attempt in milliseconds; `None` for a stage that it did not reach or need."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """One finished attempt.

    `error` is set exactly when `kind` is `failed`. `note` says what is odd about a success or a failure
    (`late`, `reset_in_body`, `reconnect`). `address` is the one that was connected to. `retry_after` is in how many
    seconds whoever pulled it wants it again, at the earliest; a receiver says so by its response.
    """

    kind: OutcomeKind
    error: ErrorClass | None = None
    note: str | None = None
    response: Response | None = None
    address: str | None = None
    timings: Timings = Timings()
    retry_after: float | None = None
