"""What every sender shares: the request that goes out, what is known of it so far, and the outcome that it makes.

```
OutgoingRequest ──► [ DNS ► connect ► TLS ► head ► body ] ──► Outcome ──► Listener
                     one deadline over all of it
```
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from core.model.outcome import RESPONSE_BODY_LIMIT, ErrorClass, Outcome, OutcomeKind, Response, Timings
from core.model.settle import RECONNECT
from core.model.targets import InvalidTargetError
from workers.delivery.deadlines import Deadlines
from workers.delivery.place import Headers, Place
from workers.delivery.probe import ExchangeError, Probe

RESET_IN_BODY: Final = "reset_in_body"

_BROKEN: Final = frozenset({ErrorClass.CONNECT, ErrorClass.TLS})
_SUCCESS: Final = range(200, 300)


class OutgoingRequest(msgspec.Struct, frozen=True, gc=False):
    """A request as it goes out: its headers follow those of its place; `Host` and `Content-Length` are added.

    `timeout` is in seconds, over everything; of the answer's body `body_limit` bytes are kept. `pause` is how many
    seconds the body takes to go out, for receivers that are tried with a slow one; `HttpxSender` alone minds it.
    """

    to: Place
    headers: Headers
    body: bytes
    timeout: float
    body_limit: int = RESPONSE_BODY_LIMIT
    pause: float = 0.0


class Listener(Protocol):
    """Who is told what became of a request: one of the two is called, once."""

    def ended(self, outcome: Outcome) -> None:
        """Take in how it ended."""
        ...

    def broke(self, error: BaseException) -> None:
        """Learn that nothing is known of it, for a fault of the sender's own or because it was given up."""
        ...


class Sender(Protocol):
    """Sends requests; what a receiver or the network does never raises."""

    def start(self, request: OutgoingRequest, listener: Listener) -> None:
        """Send one request, in the running loop; its listener may be told before this returns."""
        ...

    async def send(self, request: OutgoingRequest) -> Outcome:
        """Send one request and say what became of it. Cancellation passes through."""
        ...

    async def aclose(self) -> None:
        """Close all connections; to be called when nothing is in flight."""
        ...


class Progress(msgspec.Struct, gc=False):
    """What is known of an attempt so far, whenever it ends; of its body at most a little more than `limit` bytes."""

    limit: int
    probe: Probe = msgspec.field(default_factory=Probe)
    status: int | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytearray = msgspec.field(default_factory=bytearray)

    @property
    def full(self) -> bool:
        """Whether the body is longer than what is kept: the rest need not be read."""
        return len(self.body) > self.limit

    def outcome(self, failure: ErrorClass | None) -> Outcome:
        """Judge an exchange that ended with this failure, or with none."""
        error, note = self._verdict(failure)
        return Outcome(
            kind=OutcomeKind.SUCCEEDED if error is None else OutcomeKind.FAILED,
            error=error,
            note=note,
            response=self._recorded(),
            address=self.probe.address,
            timings=self._timings(),
        )

    def _verdict(self, failure: ErrorClass | None) -> tuple[ErrorClass | None, str | None]:
        if self.status is None:
            return failure, RECONNECT if self.died_unanswered(failure) else None
        success = self.status in _SUCCESS
        if failure is ErrorClass.TIMEOUT:
            # A body that has reached the limit is cut there, even if its end was still awaited.
            full = success and len(self.body) >= self.limit
            return (None if full else failure), None
        if not success:
            return ErrorClass.HTTP_STATUS, None
        return (None, RESET_IN_BODY) if failure in _BROKEN else (failure, None)

    def died_unanswered(self, failure: ErrorClass | None) -> bool:
        """Tell whether a kept connection broke with nothing received: it may have been dead before the request."""
        return failure is ErrorClass.CONNECT and self.probe.reused and self.probe.received == 0

    def _recorded(self) -> Response | None:
        if self.status is None:
            return None
        return Response(
            status=self.status,
            headers=tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]),
            body=bytes(self.body[: self.limit]),
            truncated=self.full,
        )

    def _timings(self) -> Timings:
        probe = self.probe
        return Timings(probe.dns, probe.connect, probe.tls, probe.first_byte, probe.total())


async def judged(
    request: OutgoingRequest, exchange: Callable[[OutgoingRequest, Progress], Awaitable[None]], deadlines: Deadlines
) -> Outcome:
    """Run an exchange under the request's deadline; it notes what it sees, and raises what `reason_of` takes."""
    progress = Progress(request.body_limit)
    try:
        with deadlines.after(request.timeout):
            await exchange(request, progress)
    except (TimeoutError, InvalidTargetError, ExchangeError) as error:
        return progress.outcome(reason_of(error))
    return progress.outcome(None)


def reason_of(error: TimeoutError | InvalidTargetError | ExchangeError) -> ErrorClass:
    """Return what an exchange failed of that raised this."""
    if isinstance(error, ExchangeError):
        return error.error
    return ErrorClass.TIMEOUT if isinstance(error, TimeoutError) else ErrorClass.BLOCKED_ADDRESS
