"""Receivers of all endpoints in one thread: each request is on the disk before it is answered.

A path names whose request it is: `/<endpoint>/<whatever>`. How an endpoint answers can be changed at any time.
"""

import asyncio
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from zlib import crc32

from core.clock import unix_seconds
from core.patience import came
from tests.chaos.ledger import Ledger, SharedLedger

_GONE: Final = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError)
_WITH_RESET: Final = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER
FLAKY: Final = 8
"""One event in so many is refused the first time by a flaky receiver."""
SLOW: Final = 0.5
LATE: Final = 3.0
"""Seconds; longer than the endpoints' timeout of 2."""
HANG: Final = 29.0
DAWDLE: Final = 4.0
_WAITS: Final = {"slow": SLOW, "late": LATE, "hang": HANG, "dawdle": DAWDLE}


class ChaosSink:
    """What the receivers do and see; runs in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.port = 0
        self._ledger: Final = Ledger(path)
        self._shared: Final = SharedLedger(self._ledger)
        self._behaviours: Final[dict[str, str]] = {}
        self._known: Final[set[tuple[str, str]]] = set()
        self._ready: Final = threading.Event()
        self._closing: Final = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._times: Final[dict[str, list[float]]] = {}

    def url(self, endpoint: str) -> str:
        """Where an endpoint listens."""
        return f"http://127.0.0.1:{self.port}/{endpoint}/0"

    def behave(self, endpoint: str, behaviour: str) -> None:
        """Answer so from now on: a status, `flaky`, `slow`, `late`, `hang`, `drip`, `reset`, `busy`, `sleepy`."""
        self._behaviours[endpoint] = behaviour

    def times(self, endpoint: str) -> tuple[float, ...]:
        """Return when requests came to an endpoint, in Unix seconds."""
        return tuple(self._times.get(endpoint, ()))

    def run(self) -> None:
        """Serve until `close`; the thread's function."""
        asyncio.run(self._main())

    def wait(self) -> None:
        """Wait until it listens."""
        self._ready.wait()

    def close(self) -> None:
        """End every connection."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._closing.set)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._closing.wait()
        server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ledger.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(*_GONE, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        writer.transport.abort()

    async def _one(self, reader: StreamReader, writer: StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        endpoint = first.split(" ")[1].split("/")[1]
        behaviour = self._choose(endpoint, headers.get("webhook-id", ""))
        await self._shared.write(
            {
                "endpoint": endpoint,
                "id": headers.get("webhook-id", ""),
                "at": unix_seconds(),
                "headers": headers,
                "body": body.decode("latin-1"),
                "status": _status(behaviour),
            }
        )
        self._times.setdefault(endpoint, []).append(unix_seconds())
        await self._pause(_WAITS.get(behaviour, 0))
        return await self._answer(behaviour, writer)

    def _choose(self, endpoint: str, webhook_id: str) -> str:
        behaviour = self._behaviours.get(endpoint, "200")
        if behaviour not in ("flaky", "sleepy"):
            return behaviour
        first = (endpoint, webhook_id) not in self._known
        self._known.add((endpoint, webhook_id))
        if behaviour == "sleepy":
            return "hang" if first else "dawdle"
        return "500" if first and crc32(webhook_id.encode()) % FLAKY == 0 else "200"

    async def _answer(self, behaviour: str, writer: StreamWriter) -> bool:
        """Answer one request; tell whether the connection goes on."""
        status = _status(behaviour)
        if status is None:
            connection: socket.socket | None = writer.get_extra_info("socket")
            if behaviour == "reset" and connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _WITH_RESET)
            return False
        more = "Retry-After: 1\r\n" if behaviour == "busy" else ""
        writer.write(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 2\r\n{more}\r\n".encode())
        if behaviour == "drip":
            await writer.drain()
            await self._pause(SLOW)
        writer.write(b"ok")
        await writer.drain()
        return True

    async def _pause(self, seconds: float) -> None:
        if seconds:
            await came(self._closing, seconds)


def _status(behaviour: str) -> int | None:
    if behaviour.isdigit():
        return int(behaviour)
    return {"slow": 200, "late": 200, "drip": 200, "dawdle": 200, "busy": 429}.get(behaviour)


@contextmanager
def running_sink(path: Path) -> Generator[ChaosSink]:
    """Run the receivers until the block ends."""
    sink = ChaosSink(path)
    thread = threading.Thread(target=sink.run, name="sink", daemon=True)
    thread.start()
    sink.wait()
    try:
        yield sink
    finally:
        sink.close()
        thread.join(10)
