"""What a scripted receiver does with a request that it has read."""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

_CHUNK = b"1000\r\n" + b"x" * 4096 + b"\r\n"
_DRIPS = 0.2  # seconds
_SETTLING = 0.05  # seconds in which a client reads what came before the reset


class Reset(StrEnum):
    """Where the connection is reset."""

    BEFORE_ANSWER = "before_answer"
    IN_HEADERS = "in_headers"
    IN_BODY = "in_body"
    AT_THE_END = "at_the_end"


class Endless(StrEnum):
    """What never ends."""

    BODY = "body"
    DRIP = "drip"
    EXTENSION = "extension"
    TRAILER = "trailer"
    INTERIM = "interim"
    SILENCE = "silence"


_ENDLESS: Mapping[Endless, tuple[bytes, bytes]] = {
    Endless.BODY: (b"", _CHUNK),
    Endless.DRIP: (b"", b"1\r\nx\r\n"),
    Endless.EXTENSION: (b"1;", b"x" * 4096),
    Endless.TRAILER: (b"0\r\n", b"x-trailer: " + b"x" * 4096 + b"\r\n"),
    Endless.INTERIM: (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
}
"""What comes after the head, and what then repeats."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the fields combine.

    `delay` (seconds) comes before everything. `raw` replaces the whole answer, byte for byte. `drip` sends
    head and body in pieces of that many bytes, with that many seconds between. `declared` is the
    `Content-Length` that is claimed, `None` for the true one. `close` ends the connection after the answer
    without having said so.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    delay: float = 0
    raw: bytes | None = None
    declared: int | None = None
    drip: tuple[int, float] | None = None
    reset: Reset | None = None
    endless: Endless | None = None
    close: bool = False

    def head(self) -> bytes:
        """Return the status line and the headers."""
        length = len(self.body) if self.declared is None else self.declared
        framing = {"transfer-encoding": "chunked"} if self.endless else {"content-length": str(length)}
        lines = [f"{name}: {value}\r\n" for name, value in {**framing, **self.headers}.items()]
        return f"HTTP/1.1 {self.status} Scripted\r\n{''.join(lines)}\r\n".encode("latin-1")

    def content(self) -> bytes:
        """Return every byte of the answer up to where it is reset, if it is."""
        whole = self.head() + self.body if self.raw is None else self.raw
        match self.reset:
            case Reset.BEFORE_ANSWER:
                return b""
            case Reset.IN_HEADERS:
                return whole[: len(self.head()) // 2]
            case Reset.IN_BODY:
                return whole[: len(self.head()) + len(self.body) // 2]
            case Reset.AT_THE_END | None:
                return whole


def redirect(location: str, status: int = 307) -> Answer:
    """Return an answer that sends the client elsewhere."""
    return Answer(status, {"location": location})


def hang() -> Answer:
    """Return an answer that never comes."""
    return Answer(endless=Endless.SILENCE)


class Wire:
    """The receiver's side of one connection, and the ways to misbehave on it.

    Every method raises `ConnectionResetError` once the client has hung up.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def give(self, answer: Answer) -> bool:
        """Play an answer; tell whether the connection stays open."""
        if answer.delay > 0:
            await self._pause(answer.delay)
        if answer.endless is not None:
            await self._endlessly(answer.endless, answer.head())
        await self._send(answer.content(), answer.drip)
        if answer.reset is not None:
            await self._reset(answer.reset)
        return answer.reset is None and not answer.close

    async def _pause(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._reader.read(1)
            raise ConnectionResetError("the client hung up")

    async def _send(self, data: bytes, drip: tuple[int, float] | None) -> None:
        if drip is None:
            await self._write(data)
            return
        size, seconds = drip
        for start in range(0, len(data), size):
            await self._write(data[start : start + size])
            await self._pause(seconds)

    async def _endlessly(self, endless: Endless, head: bytes) -> None:
        if endless is Endless.SILENCE:
            await self._pause(None)
        first, repeated = _ENDLESS[endless]
        await self._write(first if endless is Endless.INTERIM else head + first)
        while True:
            await self._write(repeated)
            if endless is Endless.DRIP:
                await self._pause(_DRIPS)

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _reset(self, place: Reset) -> None:
        if place is not Reset.BEFORE_ANSWER:
            await self._pause(_SETTLING)
        raw: socket.socket = self._writer.get_extra_info("socket")
        # Without lingering, closing sends RST instead of FIN.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
