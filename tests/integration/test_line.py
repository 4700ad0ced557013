"""A connection of the sender `wire` between two requests."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from threading import Event, Thread

import pytest

from core.model.outcome import ErrorClass
from tests.support.answers import Answer
from tests.support.names import FixedNames
from tests.support.receiver import Receiver
from tests.support.sending import LOOPBACK, outgoing
from workers.delivery.deadlines import Deadlines
from workers.delivery.line import Exchange, Line
from workers.delivery.pool import IdleConnections
from workers.delivery.wire import Wire
from workers.delivery.wire_send import Awaited, WireSender

INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" * 1_200
FAR_TOO_MUCH = 64 * 1024 * 1024
"""Bytes; what the kernel takes of both sides is less than a quarter of it."""
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture
async def sender() -> AsyncGenerator[WireSender]:
    """A sender that may reach loopback."""
    made = WireSender(FixedNames({}), allowed=LOOPBACK)
    yield made
    await made.aclose()


async def test_what_comes_on_an_idle_connection_ends_it(sender: WireSender) -> None:
    async with Receiver() as receiver:
        receiver.script(Answer(raw=EMPTY + EMPTY, drip=(len(EMPTY), 0.02)))
        await sender.send(outgoing(receiver.url))

        await receiver.wait_for_closed(1)

        assert receiver.closed == 1


async def test_an_answer_that_is_too_much_for_one_turn_leaves_the_connection_fit_for_the_next(
    sender: WireSender,
) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 1_700  # more than any head that is taken
    async with Receiver() as receiver:
        receiver.script(Answer(raw=interim + EMPTY), Answer(202))
        first = await sender.send(outgoing(receiver.url))

        second = await sender.send(outgoing(receiver.url))

        assert [request.connection for request in receiver.requests] == [1, 1]
    assert [one.response and one.response.status for one in (first, second)] == [200, 202]


class Flood:
    """A receiver in a thread: some interim answers when it is connected to, and from a moment on no end of them."""

    def __init__(self) -> None:
        self.written = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._go_on, self._under_way = Event(), Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        self.port = int(self._server.getsockname()[1])

    def go_on(self) -> None:
        """Return once there is more than a loop reads at a time."""
        self._go_on.set()
        assert self._under_way.wait(30)

    def close(self) -> None:
        """Wait for its end: that of the connection."""
        self._thread.join(30)
        self._server.close()

    def _run(self) -> None:
        connection, _ = self._server.accept()
        connection.settimeout(30)
        connection.sendall(INTERIM)
        self._go_on.wait(30)
        with suppress(OSError):
            while self.written < FAR_TOO_MUCH:
                self.written += connection.send(INTERIM)
                if self.written > 10 * len(INTERIM):
                    self._under_way.set()
        connection.close()


async def test_what_floods_before_the_request_is_not_kept() -> None:
    flood = Flood()
    request = outgoing(f"http://127.0.0.1:{flood.port}/", timeout=1.0)
    loop, listener, deadlines = asyncio.get_running_loop(), Awaited(), Deadlines()
    exchange = Exchange(request, listener, deadlines)
    _, wire = await loop.create_connection(lambda: Wire(exchange.progress.probe), "127.0.0.1", flood.port)
    while not wire.leftover:
        await loop.run_in_executor(None, int)

    flood.go_on()
    Line(request.to.origin, wire, IdleConnections[Line]()).carry(exchange)
    outcome = await listener.outcome

    await loop.run_in_executor(None, flood.close)
    assert outcome.error is ErrorClass.TIMEOUT
    assert flood.written < FAR_TOO_MUCH
