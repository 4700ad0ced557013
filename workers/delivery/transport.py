"""The one way out: an httpx transport that connects to allowed addresses only.

No proxy, no redirect, no cookie, no decompression, HTTP/1.1 only, TLS 1.2 and up with the name checked.
Connections are shared neither between tenants nor between names on one address: pinning by a URL with the
address and a `Host` header would let httpx send the second name's request down the first one's connection.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import contextmanager
from typing import Final, cast
from uuid import UUID

import httpcore
import httpx

from core.model.addresses import Network
from core.model.outcome import RESPONSE_HEADERS_LIMIT, RESPONSE_HEADERS_MAX, ErrorClass
from core.model.proxy import Proxy
from core.resolver import Resolver
from workers.delivery.dial import Dialer, DialError, client_tls
from workers.delivery.place import Origin
from workers.delivery.pool import IDLE_LIMIT, IDLE_SECONDS, Connection, IdleConnections, url_of
from workers.delivery.probe import Probe
from workers.delivery.wire import error_of

NO_LANE: Final = UUID(int=0)
_LINE_OVERHEAD: Final = len(": \r\n")


class SendError(httpx.TransportError):
    """The request has no whole answer; `error` says why."""

    def __init__(self, error: ErrorClass) -> None:
        super().__init__(error)
        self.error = error


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends one request for each call.

    Request extensions: `lane` (a UUID; it has a share of look-ups), `tenant` (whose connections carry it; the lane,
    if it is not told), `probe` (a `Probe` to fill in), `target` (path and query as bytes, sent as they are).
    Raises `SendError`.
    """

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
        self._idle: IdleConnections[Connection] = IdleConnections(seconds=idle_seconds, limit=idle_limit)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer, whose body is still to be read."""
        probe = cast("Probe", request.extensions.get("probe") or Probe())
        with _translated(probe):
            connection, answer = await self._answered(request, probe)
        probe.head_ended = True
        body = _Body(connection, answer, self._idle)
        size = sum(len(name) + len(value) + _LINE_OVERHEAD for name, value in answer.headers)
        if size > RESPONSE_HEADERS_LIMIT or len(answer.headers) > RESPONSE_HEADERS_MAX:
            await body.aclose()
            raise SendError(ErrorClass.TOO_LARGE)
        return httpx.Response(answer.status, headers=answer.headers, stream=body)

    async def aclose(self) -> None:
        """Drop the idle connections."""
        self._idle.close()
        await asyncio.sleep(0)  # they let go of their sockets in the loop's next turn

    async def _answered(self, request: httpx.Request, probe: Probe) -> tuple[Connection, httpcore.Response]:
        origin = _origin(request)
        while True:
            connection = await self._connection(origin, probe, _lane(request))
            try:
                return connection, await _exchange(connection, request)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                # A kept connection that was closed before a byte was written is as good as none.
                if probe.reused and probe.received == 0:
                    self._idle.drop_all(origin)
                if not probe.reused or probe.written_at is not None:
                    raise

    async def _connection(self, origin: Origin, probe: Probe, lane: UUID) -> Connection:
        connection = self._idle.take(origin)
        probe.reused = connection is not None
        if connection is None:
            return Connection(origin, await self._dialer.dial(origin, probe, lane=lane))
        probe.address = connection.wire.probe.address
        connection.wire.probe = probe
        return connection


class _Body(httpx.AsyncByteStream):
    """The raw bytes of one answer; when it is closed, its connection is kept or dropped."""

    def __init__(self, connection: Connection, answer: httpcore.Response, idle: IdleConnections[Connection]) -> None:
        self._connection = connection
        self._chunks = _chunks(answer)
        self._answer = answer
        self._idle = idle

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        with _translated(self._connection.wire.probe):
            return await anext(self._chunks)

    async def aclose(self) -> None:
        await self._chunks.aclose()
        await self._answer.aclose()
        self._idle.give(self._connection)


def _chunks(answer: httpcore.Response) -> AsyncGenerator[bytes]:
    # Not through `aiter_stream`: each generator more is one more that an early end leaves to be cleaned up.
    stream = cast("httpx.AsyncByteStream", answer.stream)
    return cast("AsyncGenerator[bytes]", aiter(stream))


def _lane(request: httpx.Request) -> UUID:
    return cast("UUID", request.extensions.get("lane", NO_LANE))


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    port = url.port or (443 if url.scheme == "https" else 80)
    tenant = cast("UUID", request.extensions.get("tenant", _lane(request)))
    return Origin(tenant, url.scheme, url.raw_host.decode("ascii"), port)


async def _exchange(connection: Connection, request: httpx.Request) -> httpcore.Response:
    target = cast("bytes", request.extensions.get("target", request.url.raw_path))
    outgoing = httpcore.Request(
        request.method,
        url_of(connection.origin, target),
        headers=request.headers.raw,
        content=cast("httpx.AsyncByteStream", request.stream),
        extensions={"timeout": request.extensions.get("timeout", {})},
    )
    try:
        return await connection.handle_async_request(outgoing)
    except BaseException:
        connection.wire.abort()
        raise


@contextmanager
def _translated(probe: Probe) -> Generator[None]:
    try:
        yield
    except DialError as error:
        raise SendError(error.error) from error
    except httpcore.TimeoutException as error:
        raise SendError(ErrorClass.TIMEOUT) from error
    except httpcore.NetworkError as error:
        raise SendError(error_of(error)) from error
    except httpcore.ProtocolError as error:
        raise SendError(_malformed(probe)) from error


def _malformed(probe: Probe) -> ErrorClass:
    if probe.flooded:
        return ErrorClass.TOO_LARGE
    return ErrorClass.CONNECT if probe.end_read else ErrorClass.PROTOCOL
