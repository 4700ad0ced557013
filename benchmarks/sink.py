"""A receiver that answers 200 at once and remembers when each task's webhook came.

`python -m benchmarks.sink PORT`: `GET /` tells `{task_id: monotonic seconds of its first byte}`, `GET /count` how many.
"""

import asyncio
import sys
from typing import Final, cast

import httptools
import msgspec
import uvloop

from core import clock

_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_MARK: Final = b'"task_id":"'
_came: Final[dict[str, float]] = {}


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._parser: Final = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = b""
        self._body = bytearray()
        self._came = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        """Note when a request's first byte came."""
        self._came = self._came or clock.monotonic()
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Note what is asked for."""
        self._path = url

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer; a request without a body asks what came."""
        assert self._transport is not None
        if self._body:
            start = self._body.find(_MARK) + len(_MARK)
            _came.setdefault(self._body[start : self._body.index(b'"', start)].decode(), self._came)
            self._transport.write(_OK)
        else:
            told = msgspec.json.encode(len(_came) if self._path == b"/count" else _came)
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))
        self._body.clear()
        self._came = 0.0


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
