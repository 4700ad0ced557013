"""One request to one receiver, as an `Outcome`.

```
OutgoingRequest ──► [ DNS ► connect ► TLS ► head ► body ] ──► Outcome
                     one deadline over all of it
```
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

import httpx

from core.model.addresses import Network
from core.model.outcome import (
    RESPONSE_BODY_LIMIT,
    ErrorClass,
    Outcome,
    OutcomeKind,
    Response,
    Timings,
)
from core.model.settle import RECONNECT
from core.model.targets import InvalidTargetError, parse_target
from core.resolver import Resolver
from workers.delivery.pool import IDLE_SECONDS
from workers.delivery.transport import GuardedTransport, SendError
from workers.delivery.wire import Probe

RESET_IN_BODY: Final = "reset_in_body"

_BROKEN: Final = frozenset({ErrorClass.CONNECT, ErrorClass.TLS})


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request as it goes out; `Host` and `Content-Length` are added to the headers.

    `lane` is whose connections may carry it; `timeout` is in seconds, over everything; of the answer's body
    `body_limit` bytes are kept.
    """

    lane: UUID
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    timeout: float
    method: str = "POST"
    body_limit: int = RESPONSE_BODY_LIMIT


class Sender(Protocol):
    """Sends requests; what a receiver or the network does never raises."""

    async def send(self, request: OutgoingRequest) -> Outcome:
        """Send one request and say what became of it. Cancellation passes through."""
        ...

    async def aclose(self) -> None:
        """Close all connections; to be called when nothing is in flight."""
        ...


class HttpxSender:
    """A sender on httpx, through the guarded transport."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        allowed: tuple[Network, ...] = (),
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._transport = GuardedTransport(resolver, allowed=allowed, tls=tls, idle_seconds=idle_seconds)

    async def send(self, request: OutgoingRequest) -> Outcome:
        """See `Sender.send`."""
        progress = _Progress(request.body_limit)
        try:
            async with asyncio.timeout(request.timeout):
                await self._exchange(request, progress)
        except TimeoutError:
            return progress.outcome(ErrorClass.TIMEOUT)
        except InvalidTargetError:
            return progress.outcome(ErrorClass.BLOCKED_ADDRESS)
        except SendError as failure:
            return progress.outcome(failure.error)
        return progress.outcome(None)

    async def aclose(self) -> None:
        """See `Sender.aclose`."""
        await self._transport.aclose()

    async def _exchange(self, request: OutgoingRequest, progress: "_Progress") -> None:
        response = await self._transport.handle_async_request(_httpx_request(request, progress.probe))
        progress.response = response
        try:
            await progress.read_body()
        finally:
            await response.aclose()


@dataclass(slots=True)
class _Progress:
    """What is known of an attempt so far, whenever it ends."""

    limit: int
    probe: Probe = field(default_factory=Probe)
    response: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray)

    async def read_body(self) -> None:
        """Read the raw bytes to their end, or one beyond the limit."""
        if self.response is None or not isinstance(self.response.stream, httpx.AsyncByteStream):
            return
        async for chunk in self.response.stream:
            self.body += chunk
            if len(self.body) > self.limit:
                return

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
        if self.response is None:
            return failure, RECONNECT if self._died_unanswered(failure) else None
        if failure is ErrorClass.TIMEOUT:
            # A body that has reached the limit is cut there, even if its end was still awaited.
            full = self.response.is_success and len(self.body) >= self.limit
            return (None if full else failure), None
        if not self.response.is_success:
            return ErrorClass.HTTP_STATUS, None
        return (None, RESET_IN_BODY) if failure in _BROKEN else (failure, None)

    def _died_unanswered(self, failure: ErrorClass | None) -> bool:
        return failure is ErrorClass.CONNECT and self.probe.reused and self.probe.received == 0

    def _recorded(self) -> Response | None:
        if self.response is None:
            return None
        return Response(
            status=self.response.status_code,
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in self.response.headers.raw
            ),
            body=bytes(self.body[: self.limit]),
            truncated=len(self.body) > self.limit,
        )

    def _timings(self) -> Timings:
        probe = self.probe
        return Timings(probe.dns, probe.connect, probe.tls, probe.first_byte, probe.total())


def _httpx_request(request: OutgoingRequest, probe: Probe) -> httpx.Request:
    target = parse_target(request.url)
    host = f"[{target.host}]" if ":" in target.host else target.host
    return httpx.Request(
        request.method,
        # httpx would rewrite `/a/../b` and re-quote what it does not like; the target goes beside the URL.
        f"{target.scheme}://{host}:{target.port}/",
        headers=list(request.headers),
        content=request.body,
        extensions={"lane": request.lane, "probe": probe, "target": target.path_and_query.encode("ascii")},
    )
