"""A proxy in front of a store, that can cut, delay, slice and reset what goes through it."""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.patience import came

Place = Path | int
"""A Unix socket, or a port of the loopback address."""
_GONE: Final = (OSError, asyncio.IncompleteReadError)


@dataclass(slots=True)
class Weather:
    """What the network does now; `delay` is in seconds, `slice` in bytes at a time."""

    cut: bool = False
    one_way: bool = False
    """Only what comes back is lost."""
    delay: float = 0.0
    slice: int = 65_536


class FaultProxy:
    """Stands between the product and a store; runs in a thread of its own."""

    def __init__(self, upstream: Place, port: int = 0) -> None:
        self.weather = Weather()
        self.port = port
        self._upstream: Final = upstream
        self._ready: Final = threading.Event()
        self._open: Final[set[StreamWriter]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: Final = asyncio.Event()
        self._tasks: Final[set[asyncio.Task[None]]] = set()

    def reset_all(self) -> None:
        """Reset every connection."""
        self._call(lambda: [writer.transport.abort() for writer in tuple(self._open)])

    def close(self) -> None:
        """End."""
        self._call(self._closing.set)

    def run(self) -> None:
        """Serve until `close`; the thread's function."""
        asyncio.run(self._main())

    def wait(self) -> None:
        """Wait until it listens."""
        self._ready.wait()

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._closing.wait()
        server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(*_GONE, asyncio.CancelledError):
            far_reader, far_writer = await self._connect()
            self._open.update((writer, far_writer))
            try:
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, back=True))
            finally:
                for one in (writer, far_writer):
                    self._open.discard(one)
                    one.transport.abort()

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        while self.weather.cut:
            await self._pause(0.05)
        if isinstance(self._upstream, Path):
            return await asyncio.open_unix_connection(str(self._upstream))
        return await asyncio.open_connection("127.0.0.1", self._upstream)

    async def _pump(self, reader: StreamReader, writer: StreamWriter, *, back: bool = False) -> None:
        """Carry bytes; what is on its way while the network is cut waits, as TCP would send it again."""
        while data := await reader.read(self.weather.slice):
            while self.weather.cut or (back and self.weather.one_way):
                await self._pause(0.05)
            await self._pause(self.weather.delay)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    async def _pause(self, seconds: float) -> None:
        if seconds:
            await came(self._closing, seconds)


@contextmanager
def fault_proxy(upstream: Place, port: int = 0) -> Generator[FaultProxy]:
    """Run a proxy until the block ends, at a port that it is told, or any."""
    proxy = FaultProxy(upstream, port)
    thread = threading.Thread(target=proxy.run, name="proxy", daemon=True)
    thread.start()
    proxy.wait()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(10)
