"""One connection of the sender `wire`: it carries one exchange at a time, by callbacks of the loop alone.

```
carry ──► write ──► data_received ──► AnswerReader ──► kept or dropped ──► Exchange.end
```
"""

import asyncio
import select
import ssl
from typing import Final

from core.clock import monotonic
from core.model.outcome import RESPONSE_HEADERS_LIMIT, ErrorClass
from workers.delivery.answer import AnswerReader
from workers.delivery.deadlines import Deadlines
from workers.delivery.exchange import Listener, OutgoingRequest, Progress
from workers.delivery.floods import FLOOD_READ
from workers.delivery.place import Origin
from workers.delivery.pool import IdleConnections
from workers.delivery.probe import ExchangeError, milliseconds_since
from workers.delivery.wire import Wire

READ: Final = 64 * 1024
"""Bytes that are read of an answer before the others' turn."""


class Exchange:
    """One request on its way: it ends once, by its answer, its connection, its deadline, or because it is given up."""

    __slots__ = ("_deadlines", "_listener", "_slot", "line", "message", "over", "progress", "request", "task")

    def __init__(self, request: OutgoingRequest, listener: Listener, deadlines: Deadlines) -> None:
        """Start the deadline."""
        self.request: Final = request
        self.message = b""
        self.progress: Final = Progress(request.body_limit)
        self.line: Line | None = None
        self.task: asyncio.Task[None] | None = None
        self.over = False
        self._listener: Final = listener
        self._deadlines: Final = deadlines
        self._slot: Final = deadlines.add(self.progress.probe.started + request.timeout, self)

    def expire(self) -> None:
        """Let go of the connection: the time is up."""
        self.let_go()
        self.end(ErrorClass.TIMEOUT)

    def let_go(self) -> None:
        """End what is done for it."""
        if self.line is not None:
            self.line.drop()
        elif self.task is not None:
            self.task.cancel()

    def end(self, failure: ErrorClass | None) -> None:
        """Tell what became of it; a second end is none."""
        if self._closes():
            self._listener.ended(self.progress.outcome(failure))

    def break_off(self, error: BaseException) -> None:
        """Tell that nothing is known of it."""
        if self._closes():
            self._listener.broke(error)

    def _closes(self) -> bool:
        if self.over:
            return False
        self.over = True
        self.line = None
        self._deadlines.drop(self._slot, self)
        return True


class Line(asyncio.Protocol):
    """A connection to one origin; `idle` takes it back whenever the next request may follow."""

    def __init__(self, origin: Origin, wire: Wire, idle: "IdleConnections[Line]") -> None:
        """Take a connection over from who opened it."""
        self.origin: Final = origin
        self.ended = wire.ended
        self._address: Final = wire.probe.address
        self._idle: Final = idle
        self._floods: Final = wire.floods
        self._pause: asyncio.TimerHandle | None = None
        """Until the next read of an answer that floods."""
        self._transport: Final = wire.hand_over(self)
        self._late: bytearray | None = wire.leftover or None
        self._reader: Final = AnswerReader()
        self._exchange: Exchange | None = None
        self._failure: Exception | None = None
        self._clean = True
        self._poll: select.poll | None = None

    def carry(self, exchange: Exchange) -> None:
        """Send a request and read its answer."""
        probe = exchange.progress.probe
        probe.address = self._address
        exchange.line, self._exchange = self, exchange
        self._reader.begin(exchange.progress, bodiless=exchange.request.to.method == "HEAD")
        if self.ended:  # it was opened, and closed again at once
            self._fail(exchange, ErrorClass.CONNECT)
            return
        probe.written_at = monotonic()
        self._transport.write(exchange.message)
        exchange.message = b""
        if self._late is not None:  # what came before the request went out
            self._transport.pause_reading()
            self._read_later(exchange)

    def is_clean(self) -> bool:
        """Tell whether its last answer was read to a clean end, and nothing has come since."""
        return self._clean and not self.ended

    def is_fresh(self) -> bool:
        """Tell whether a request can be sent: the other side has neither closed nor sent more than asked for."""
        return self._clean and not self.ended and not self._kernel_has_more()

    def drop(self) -> None:
        """Drop the connection in the loop's next turn, with what it carries."""
        self._exchange = None
        self._clean = False
        if self._pause is not None:
            self._pause.cancel()
            self._end_pause()
        self._transport.abort()

    def data_received(self, data: bytes) -> None:  # noqa: D102
        exchange = self._exchange
        if exchange is None:  # nobody asked for it
            self.drop()
            return
        probe = exchange.progress.probe
        if probe.first_byte is None and probe.written_at is not None:
            probe.first_byte = milliseconds_since(probe.written_at)
        short = len(data) <= READ and (probe.head_ended or probe.received + len(data) <= RESPONSE_HEADERS_LIMIT)
        if short and self._late is None:
            self._read(exchange, data)
        else:
            self._keep(exchange, data)

    def eof_received(self) -> None:  # noqa: D102
        self.ended = True
        if self._exchange is not None and self._late is None:
            self._close(self._exchange)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102
        self.ended = True
        self._failure = exc
        if self._exchange is not None and self._late is None:
            self._close(self._exchange)

    def _read(self, exchange: Exchange, data: bytes) -> None:
        reader = self._reader
        exchange.progress.probe.received += len(data)
        try:
            reader.feed(data)
        except ExchangeError as failure:
            self._fail(exchange, failure.error)
        except Exception as error:  # noqa: BLE001 - one answer must not end more than its own exchange
            self.drop()
            exchange.break_off(error)
        else:
            if reader.ended or exchange.progress.full:
                self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        """Give the connection back, if it can be used again, then tell."""
        self._exchange = None
        unsent = self._transport.get_write_buffer_size()
        if self._reader.ended and self._reader.reusable and not (unsent or self._late or self.ended):
            self._late = None
            self._reader.let_go()
            self._idle.give(self)
        else:
            self.drop()
        exchange.end(None)

    def _fail(self, exchange: Exchange, failure: ErrorClass) -> None:
        if exchange.progress.died_unanswered(failure):  # the others were kept as long: the next try opens one anew
            self._idle.drop_all(self.origin)
        self.drop()
        exchange.end(failure)

    def _close(self, exchange: Exchange) -> None:
        """The other side has ended the connection: that may be the end of the answer, too."""
        if self._failure is not None:
            self._fail(exchange, ErrorClass.TLS if isinstance(self._failure, ssl.SSLError) else ErrorClass.CONNECT)
            return
        try:
            self._reader.close()
        except ExchangeError as failure:
            self._fail(exchange, failure.error)
        else:
            self._finish(exchange)

    def _keep(self, exchange: Exchange, data: bytes) -> None:
        """Keep what is too much for one turn."""
        if self._late is not None:
            self._late += data
            return
        self._late = bytearray(data)
        self._transport.pause_reading()
        self._read_later(exchange)

    def _read_later(self, exchange: Exchange) -> None:
        # Interim answers may come without end, and a body in a thousand chunks: the others' turn first.
        loop = asyncio.get_running_loop()
        if exchange.progress.probe.flooded:
            self._pause = loop.call_later(self._floods.begin(), self._read_paused, exchange)
        else:
            loop.call_soon(self._read_on, exchange)

    def _read_paused(self, exchange: Exchange) -> None:
        self._end_pause()
        self._read_on(exchange)

    def _end_pause(self) -> None:
        self._pause = None
        self._floods.end()

    def _read_on(self, exchange: Exchange) -> None:
        late = self._late
        if self._exchange is not exchange or late is None:
            return
        size = FLOOD_READ if exchange.progress.probe.flooded else READ
        data = bytes(late[:size])
        del late[:size]
        if not late:
            self._late = None
            if not self.ended:
                self._transport.resume_reading()
        self._read(exchange, data)
        if self._exchange is not exchange:
            return
        if late:
            self._read_later(exchange)
        elif self.ended:
            self._close(exchange)

    def _kernel_has_more(self) -> bool:
        # The end may have come since the loop last looked.
        if self._poll is None:
            socket = self._transport.get_extra_info("socket")
            if socket is None:  # uvloop tells of a lost connection over TLS a turn of the loop later
                return True
            self._poll = select.poll()
            self._poll.register(socket.fileno(), select.POLLIN)
        return bool(self._poll.poll(0))
