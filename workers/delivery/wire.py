"""One TCP or TLS connection to a receiver."""

import asyncio
import select
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, cast

import httpcore

from core.clock import monotonic
from core.model.outcome import ErrorClass
from workers.delivery.floods import FLOOD_READ, Floods
from workers.delivery.probe import Probe, milliseconds_since

_BUFFER_LIMIT: Final = 64 * 1024

LOST: Final = (httpcore.ReadError, httpcore.WriteError)
"""What `Wire` raises when its connection has broken."""


class Wire(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """A connection as httpcore's HTTP/1.1 code wants it.

    Reads eagerly, so that an end or unasked-for bytes on an idle connection are seen when they come, not
    by the next request.
    """

    def __init__(self, probe: Probe, floods: Floods | None = None) -> None:
        self.probe = probe
        self.floods = floods or Floods()
        self.ended = False
        self._failure: Exception | None = None
        self._buffer = bytearray()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature, three times
    ) -> "Wire":
        """Do the handshake, in which the certificate is checked against the name.

        Raises `OSError` (`ssl.SSLError` is one) or `TimeoutError`.
        """
        if self._buffer:
            raise ssl.SSLError("bytes came before the handshake")
        async with asyncio.timeout(timeout):
            transport = await asyncio.get_running_loop().start_tls(
                self._open(), self, ssl_context, server_hostname=server_hostname
            )
        if transport is None:
            raise ConnectionResetError("the connection was lost in the handshake")
        self._transport = transport
        return self

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send; raise `httpcore.WriteError` if the connection has ended."""
        if self.ended:
            raise httpcore.WriteError("the connection has ended")
        if self.probe.written_at is None:
            self.probe.written_at = monotonic()
        self._open().write(buffer)
        with _timed_out_as(httpcore.WriteTimeout):
            await _within(timeout, self._writable)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what has come, nothing at the end; raise `httpcore.ReadError` if that is no clean end."""
        if self._buffer:
            # Interim answers may come without end, and a body in a thousand chunks: the others' turn first.
            await self._let_others()
        elif not self.ended:
            self._readable.clear()
            with _timed_out_as(httpcore.ReadTimeout):
                await _within(timeout, self._readable)
        if not self._buffer and self._failure is not None:
            raise httpcore.ReadError("the connection broke") from self._failure
        return self._take(FLOOD_READ if self.probe.flooded else max_bytes)

    async def aclose(self) -> None:
        """Drop the connection, with what it may still hold."""
        self.abort()
        await asyncio.sleep(0)  # the transport lets go of its socket in the loop's next turn

    def abort(self) -> None:
        """Drop the connection in the loop's next turn."""
        if self._transport is not None:
            self._transport.abort()

    def hand_over(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Give the connection to a protocol of its own, with what `leftover` holds."""
        transport = self._open()
        transport.set_protocol(protocol)
        return transport

    @property
    def leftover(self) -> bytearray:
        """What has come and was not read."""
        return self._buffer

    @property
    def stirred(self) -> bool:
        """Whether the end has come, or bytes that nobody has read."""
        return self.ended or bool(self._buffer)

    @property
    def is_readable(self) -> bool:
        """Whether it is stirred, or will be as soon as the loop looks."""
        return self.stirred or self._kernel_has_more()

    def get_extra_info(self, info: str) -> object:
        """Return `is_readable` (the end has come, or bytes nobody asked for) or what the transport knows."""
        if info == "is_readable":
            return self.is_readable
        return None if self._transport is None else cast("object", self._transport.get_extra_info(info))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: D102
        if self.probe.first_byte is None and self.probe.written_at is not None:
            self.probe.first_byte = milliseconds_since(self.probe.written_at)
        self._buffer += data
        self._readable.set()
        if len(self._buffer) > _BUFFER_LIMIT:
            self._open().pause_reading()

    def eof_received(self) -> None:  # noqa: D102
        self.ended = True
        self._readable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102
        self.ended = True
        self._failure = exc
        self._readable.set()
        self._writable.set()

    def pause_writing(self) -> None:  # noqa: D102
        self._writable.clear()

    def resume_writing(self) -> None:  # noqa: D102
        self._writable.set()

    async def _let_others(self) -> None:
        if not self.probe.flooded:
            await asyncio.sleep(0)
            return
        with self.floods.pause() as seconds:
            await asyncio.sleep(seconds)

    def _take(self, most: int) -> bytes:
        chunk = bytes(self._buffer[:most])
        del self._buffer[:most]
        self.probe.received += len(chunk)
        self.probe.end_read = not chunk
        if not self._buffer and not self.ended:
            self._open().resume_reading()
        return chunk

    def _open(self) -> asyncio.Transport:
        if self._transport is None:
            raise ConnectionResetError("the connection is not open")
        return self._transport

    def _kernel_has_more(self) -> bool:
        # The end may have come since the loop last looked.
        if self._poll is None:
            socket = self._open().get_extra_info("socket")
            if socket is None:  # uvloop tells of a lost connection over TLS a turn of the loop later
                return True
            self._poll = select.poll()
            self._poll.register(socket.fileno(), select.POLLIN)
        return bool(self._poll.poll(0))


@contextmanager
def _timed_out_as(error: type[httpcore.TimeoutException]) -> Generator[None]:
    try:
        yield
    except TimeoutError as timeout:
        raise error from timeout


async def _within(timeout: float | None, event: asyncio.Event) -> None:  # noqa: ASYNC109 - as httpcore gives it
    if timeout is None:  # mostly: one deadline is over everything
        await event.wait()
        return
    async with asyncio.timeout(timeout):
        await event.wait()


def error_of(lost: Exception) -> ErrorClass:
    """Return the error class of a connection that broke."""
    return ErrorClass.TLS if isinstance(lost.__cause__, ssl.SSLError) else ErrorClass.CONNECT
