"""HTTP in bytes as a test wants them on the wire: pieces go out one after the other, answers come back whole."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httptools
import httpx

TOLD: Final = "POST {} HTTP/1.1\r\nHost: ringback\r\nAuthorization: Bearer {}\r\n{}\r\n"


@dataclass
class RawAnswer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Reader:
    """Reads one answer; what comes before its final status is left out."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""
        self.whole = False
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        self.body += body

    def on_message_complete(self) -> None:
        """Note the end, unless the answer is yet to come (RFC 9110, section 15.2)."""
        self.whole = self.parser.get_status_code() >= httpx.codes.OK


def key_of(client: httpx.AsyncClient) -> str:
    """Return the key that a client holds."""
    return client.headers["Authorization"].removeprefix("Bearer ")


def post(path: str, key: str, body: bytes, /, **headers: str) -> bytes:
    """Return a request that sends JSON; a header that is given empty is left out."""
    told = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
    return TOLD.format(path, key, lines).encode() + body


async def converse(
    client: httpx.AsyncClient, pieces: Sequence[bytes], count: int = 1, *, rest: float = 0
) -> tuple[list[RawAnswer], bool]:
    """Send pieces, each in a segment of its own, after a rest in seconds.

    Returns so many answers, and whether the server then closed.
    """
    assert client.base_url.port is not None
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.to_thread(threading.Event().wait, rest)  # the next piece is another write
    answers = [await _next(reader) for _ in range(count)]
    writer.write_eof()
    closed = "close" in answers[-1].headers.get("connection", "")
    assert await reader.read() == b""
    writer.close()
    return answers, closed


async def heard(client: httpx.AsyncClient, sent: bytes) -> bytes:
    """Send bytes in one segment; return all that comes until the server hangs up."""
    assert client.base_url.port is not None
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(sent)
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer


async def say_and_leave(client: httpx.AsyncClient, sent: bytes) -> None:
    """Send bytes and hang up."""
    assert client.base_url.port is not None
    _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(sent)
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def unfinished(request: httpx.Request, *, count: int) -> AsyncGenerator[None]:
    """Send a request without its body, so many times, until the server asks for that or answers; then hang up."""
    told = {**request.headers, "content-length": "1"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    sent = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1\r\n{lines}\r\n".encode()
    opened = [await asyncio.open_connection(request.url.host, request.url.port) for _ in range(count)]
    for _, writer in opened:
        writer.write(sent)
    try:
        async with asyncio.timeout(30):
            await asyncio.gather(*[reader.readline() for reader, _ in opened])
        yield
    finally:
        for _, writer in opened:
            writer.close()


async def _next(reader: asyncio.StreamReader) -> RawAnswer:
    answer = _Reader()
    while not answer.whole:
        line = await reader.readline()
        assert line, "the server hung up"
        answer.parser.feed_data(line)
        if line == b"\r\n" and "content-length" in answer.headers:
            answer.parser.feed_data(await reader.readexactly(int(answer.headers["content-length"])))
    return RawAnswer(answer.parser.get_status_code(), answer.headers, answer.body)
