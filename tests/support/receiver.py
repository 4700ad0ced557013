"""A real HTTP receiver on loopback that answers as it is told to, and remembers what it got."""

import asyncio
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from standardwebhooks import Webhook

from tests.support.answers import Answer, Wire
from tests.support.received import ReceivedRequest, read_request

HOST = "127.0.0.1"
_CLIENT_GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)


class Accepted:
    """A connection that was accepted; it has a writer once it is open, with TLS after the handshake."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._writer: StreamWriter | None = None

    async def open(self, tls: ssl.SSLContext | None) -> tuple[StreamReader, StreamWriter]:
        """Do the handshake, if there is one, and return the streams."""
        loop = asyncio.get_running_loop()
        reader = StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, self.connection, ssl=tls)
        self._writer = StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    def abort(self, task: asyncio.Task[None]) -> None:
        """End it whatever it does."""
        if self._writer is None:
            task.cancel()
        else:
            self._writer.transport.abort()


class Receiver:
    """Use it as `async with Receiver() as receiver`; answers 200 unless a script says otherwise.

    On the host `::` it listens on every address of both families; port 0 is one that is free.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, host: str = HOST, port: int = 0) -> None:
        self.host = host
        self.port = port
        self.opened = 0
        self.closed = 0
        self._tls = tls
        self._answers = deque([Answer()])
        self._by_path: dict[str, deque[Answer]] = {}
        self._requests: list[ReceivedRequest] = []
        self._changed = asyncio.Condition()
        self._listening: socket.socket | None = None
        self._handlers: dict[asyncio.Task[None], Accepted] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.url_for(self.host)

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Everything received so far; safe to read from any thread."""
        return tuple(self._requests)

    def url_for(self, host: str, path: str = "/") -> str:
        """Return the URL for another name of this host."""
        return f"{'http' if self._tls is None else 'https'}://{host}:{self.port}{path}"

    def script(self, *answers: Answer, path: str | None = None) -> None:
        """Give these answers from now on, in order, to every path or to this one; the last one repeats."""
        if path is None:
            self._answers = deque(answers)
        else:
            self._by_path[path] = deque(answers)

    async def wait_for(self, count: int, *, within: float = 60.0) -> tuple[ReceivedRequest, ...]:
        """Wait until that many requests have come, and return all; raise with what was seen otherwise."""
        await self._until(lambda: len(self._requests) >= count, f"{count} requests", within)
        return self.requests

    async def wait_for_closed(self, count: int, *, within: float = 60.0) -> None:
        """Wait until that many connections have ended, by whichever side."""
        await self._until(lambda: self.closed >= count, f"{count} closed connections", within)

    def verify(self, secret: str) -> None:
        """Verify every request seen with the reference library; raise if one does not, or there is none."""
        if not self._requests:
            raise AssertionError("there is no request to verify")
        for request in self.requests:
            Webhook(secret).verify(request.body, dict(request.headers), json_parse=False)

    async def __aenter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listening = socket.create_server(
            (self.host, self.port), family=family, backlog=1024, dualstack_ipv6=self.host == "::"
        )
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listening, self._accept, self._listening)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        while self._handlers:
            for task, accepted in self._handlers.items():
                accepted.abort(task)
            await asyncio.wait(self._handlers)

    def _accept(self, listening: socket.socket) -> None:
        """Take a connection in; asyncio's own server would leave one open that comes while it is closed."""
        try:
            connection, _ = listening.accept()
        except BlockingIOError:  # it has gone already
            return
        accepted = Accepted(connection)
        task = asyncio.create_task(self._serve(accepted))
        self._handlers[task] = accepted
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._handlers.pop(task).connection.close()
        if not task.cancelled():
            task.result()

    async def _until(self, reached: Callable[[], bool], wanted: str, within: float) -> None:
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(reached)
        except TimeoutError:
            seen = [(request.method, request.path, request.connection) for request in self._requests]
            raise AssertionError(f"wanted {wanted}; {self.closed} closed, saw {seen}") from None

    async def _serve(self, accepted: "Accepted") -> None:
        self.opened += 1
        number = self.opened
        with suppress(*_CLIENT_GONE):
            reader, writer = await accepted.open(self._tls)
            try:
                with suppress(*_CLIENT_GONE):
                    await self._converse(reader, writer, number)
            finally:
                await self._end(writer)

    async def _converse(self, reader: StreamReader, writer: StreamWriter, connection: int) -> None:
        wire = Wire(reader, writer)
        while True:
            request = await read_request(reader, connection)
            answers = self._by_path.get(request.path, self._answers)
            answer = answers[0] if len(answers) == 1 else answers.popleft()
            async with self._changed:
                self._requests.append(request)
                self._changed.notify_all()
            if not await wire.give(answer):
                return

    async def _end(self, writer: StreamWriter) -> None:
        writer.close()
        with suppress(*_CLIENT_GONE):
            await writer.wait_closed()
        async with self._changed:
            self.closed += 1
            self._changed.notify_all()
