"""A tiny HTTP proxy on loopback that tunnels, and remembers what it was asked."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from core.model.proxy import Proxy, parse_proxy

HOST = "127.0.0.1"
TUNNELS = b"HTTP/1.1 200 Connection established\r\n\r\n"


class TunnelProxy:
    """Answers each `CONNECT` with these bytes; a 200 opens a tunnel, no bytes at all mean that it hangs."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._open: set[StreamWriter] = set()
        self._tasks: set[asyncio.Task[object]] = set()
        self.port = 0
        self.heads: list[str] = []

    @property
    def asked(self) -> list[str]:
        """Where to, in the order in which it was asked."""
        return [head.split(" ")[1] for head in self.heads]

    def at(self, credentials: str = "") -> Proxy:
        """Return how it is reached."""
        return parse_proxy(f"http://{credentials}{HOST}:{self.port}")

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Take one connection from its start to its end."""
        self._open.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            writer.write(self._answer)
            await (self._tunnel(head, reader, writer) if self._answer == TUNNELS else reader.read())
        writer.close()

    async def aclose(self) -> None:
        """End every tunnel."""
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    async def _tunnel(self, head: str, reader: StreamReader, writer: StreamWriter) -> None:
        host, _, port = head.split(" ")[1].rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        self._open.add(far_writer)
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def tunnelling(answer: bytes = TUNNELS) -> AsyncGenerator[TunnelProxy]:
    """Run a proxy."""
    proxy = TunnelProxy(answer)
    async with await asyncio.start_server(proxy.serve, HOST, 0) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
        await proxy.aclose()
