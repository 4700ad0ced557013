"""The sender `wire`: HTTP/1.1 written by hand and read with llhttp, on connections that the guard allows.

```
idle connection, or a new one past the guard ──► head and body in one write ──► AnswerReader ──► kept or dropped
```
"""

import asyncio
import ssl
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from core.model.addresses import Network
from core.model.outcome import ErrorClass, Outcome
from core.model.proxy import Proxy
from core.model.targets import Target, parse_target
from core.resolver import Resolver
from workers.delivery.answer import AnswerReader
from workers.delivery.deadlines import Deadlines
from workers.delivery.dial import Dialer, Origin, client_tls
from workers.delivery.exchange import ExchangeError, OutgoingRequest, Progress, judged
from workers.delivery.pool import IDLE_LIMIT, IDLE_SECONDS, IdleConnections
from workers.delivery.wire import LOST, Wire, error_of

_READ: Final = 64 * 1024
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_target: Final = lru_cache(4096)(parse_target)
"""The grammar is strict and takes its time; what it makes of a URL is always the same."""
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


@dataclass(eq=False, slots=True)
class Line:
    """A connection to one origin, and whether its last answer was read to a clean end."""

    origin: Origin
    wire: Wire
    clean: bool = True

    def is_clean(self) -> bool:
        """Tell whether its last answer was read to a clean end, and nothing has come since."""
        return self.clean and not self.wire.stirred

    def is_fresh(self) -> bool:
        """Tell whether a request can be sent: the other side has neither closed nor sent more than asked for."""
        return self.clean and not self.wire.is_readable


class WireSender:
    """A sender without a client library; see `Sender`."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        allowed: tuple[Network, ...] = (),
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = IDLE_SECONDS,
        idle_limit: int = IDLE_LIMIT,
        proxy: Proxy | None = None,
    ) -> None:
        self._dialer = Dialer(resolver, allowed, tls or client_tls(), proxy)
        self._deadlines = Deadlines()
        self._idle: IdleConnections[Line] = IdleConnections(seconds=idle_seconds, limit=idle_limit)

    async def send(self, request: OutgoingRequest) -> Outcome:
        """See `Sender.send`."""
        return await judged(request, self._exchange, self._deadlines)

    async def aclose(self) -> None:
        """See `Sender.aclose`."""
        self._idle.close()
        await asyncio.sleep(0)  # they let go of their sockets in the loop's next turn

    async def _exchange(self, request: OutgoingRequest, progress: Progress) -> None:
        target = _target(request.url)
        message = _head(request, target) + request.body
        tenant = request.tenant or request.lane
        origin = Origin(request.lane, target.scheme, target.host, target.port, tenant)
        line = await self._written(origin, message, progress)
        try:
            line.clean = await _read(line.wire, AnswerReader(progress, bodiless=request.method == "HEAD"), progress)
        except BaseException:
            line.wire.abort()
            raise
        self._idle.give(line)

    async def _written(self, origin: Origin, message: bytes, progress: Progress) -> Line:
        """Send on a kept connection, if there is one that takes it, or else on a new one."""
        probe = progress.probe
        while True:
            line = await self._line(origin, progress)
            try:
                await line.wire.write(message)
            except LOST as lost:
                if probe.written_at is not None:
                    return line  # the answer may have come all the same: a refusal of a large body does
                if not probe.reused:
                    raise ExchangeError(error_of(lost)) from lost
            except BaseException:
                line.wire.abort()
                raise
            else:
                return line

    async def _line(self, origin: Origin, progress: Progress) -> Line:
        probe = progress.probe
        line = self._idle.take(origin)
        probe.reused = line is not None
        if line is None:
            return Line(origin, await self._dialer.dial(origin, probe))
        probe.address = line.wire.probe.address
        line.wire.probe = probe
        return line


async def _read(wire: Wire, reader: AnswerReader, progress: Progress) -> bool:
    """Read the answer to its end or beyond the limit; return whether the connection can be used again."""
    while not (reader.ended or progress.full):
        try:
            data = await wire.read(_READ)
        except LOST as lost:
            raise ExchangeError(error_of(lost)) from lost
        if not data:
            reader.close()
            return False
        reader.feed(data)
    return reader.ended and reader.reusable


def _head(request: OutgoingRequest, target: Target) -> bytes:
    host = f"[{target.host}]" if ":" in target.host else target.host
    if target.port != _DEFAULT_PORTS[target.scheme]:
        host = f"{host}:{target.port}"
    lines = [f"{request.method} {target.path_and_query} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body or request.method in _WITH_BODY:
        lines.append(f"Content-Length: {len(request.body)}")
    head = "\r\n".join(lines)
    # They were checked when they were registered; here a line too many would be a request of somebody else's making.
    if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1 or "\0" in head:
        raise ExchangeError(ErrorClass.PROTOCOL)
    return head.encode("latin-1") + b"\r\n\r\n"
