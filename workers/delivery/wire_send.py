"""The sender `wire`: HTTP/1.1 written by hand and read with llhttp, on connections that the guard allows.

```
idle connection ──────────────────► head and body in one write ──► answer ──► kept or dropped
or a new one past the guard (a task) ─┘
```
A request on a kept connection is a few callbacks of the loop: no task, no future.
"""

import asyncio
import ssl
from typing import Final

from core.model.addresses import Network
from core.model.outcome import Outcome
from core.model.proxy import Proxy
from core.model.targets import InvalidTargetError
from core.resolver import Resolver
from workers.delivery.deadlines import Deadlines
from workers.delivery.dial import Dialer, client_tls
from workers.delivery.exchange import Listener, OutgoingRequest, reason_of
from workers.delivery.line import Exchange, Line
from workers.delivery.place import lines_of
from workers.delivery.pool import IDLE_LIMIT, IDLE_SECONDS, IdleConnections
from workers.delivery.probe import ExchangeError

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class WireSender:
    """A sender without a client library; see `Sender`."""

    def __init__(
        self,
        resolver: Resolver,
        *,
        allowed: tuple[Network, ...] = (),
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = IDLE_SECONDS,
        idle_limit: int = IDLE_LIMIT,
        proxy: Proxy | None = None,
    ) -> None:
        self._dialer = Dialer(resolver, allowed, tls or client_tls(), proxy)
        self._deadlines = Deadlines()
        self._idle: IdleConnections[Line] = IdleConnections(seconds=idle_seconds, limit=idle_limit)
        self._dialling: set[asyncio.Task[None]] = set()

    def start(self, request: OutgoingRequest, listener: Listener) -> None:
        """See `Sender.start`."""
        self._begin(request, listener)

    async def send(self, request: OutgoingRequest) -> Outcome:
        """See `Sender.send`."""
        answer = Awaited()
        exchange = self._begin(request, answer)
        try:
            return await answer.outcome
        finally:
            if not exchange.over:
                exchange.let_go()
                exchange.break_off(asyncio.CancelledError())

    async def aclose(self) -> None:
        """See `Sender.aclose`."""
        self._idle.close()
        await asyncio.sleep(0)  # they let go of their sockets in the loop's next turn

    def _begin(self, request: OutgoingRequest, listener: Listener) -> Exchange:
        exchange = Exchange(request, listener, self._deadlines)
        try:
            exchange.message = message_of(request)
            origin = request.to.origin
        except (InvalidTargetError, ExchangeError) as error:
            exchange.end(reason_of(error))
            return exchange
        try:
            line = self._idle.take(origin)
            if line is not None:
                exchange.progress.probe.reused = True
                line.carry(exchange)
                return exchange
        except Exception as error:  # noqa: BLE001 - its deadline would tell of it a second time
            exchange.break_off(error)
            return exchange
        exchange.task = task = asyncio.get_running_loop().create_task(self._dial(exchange))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return exchange

    async def _dial(self, exchange: Exchange) -> None:
        to = exchange.request.to
        try:
            wire = await self._dialer.dial(to.origin, exchange.progress.probe, lane=to.lane)
        except ExchangeError as error:
            exchange.end(error.error)
        except asyncio.CancelledError as error:
            exchange.break_off(error)
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits for it has to hear of it
            exchange.break_off(error)
        else:
            Line(to.origin, wire, self._idle).carry(exchange)


class Awaited:
    """A listener for who waits."""

    def __init__(self) -> None:
        self.outcome: Final[asyncio.Future[Outcome]] = asyncio.get_running_loop().create_future()

    def ended(self, outcome: Outcome) -> None:
        """See `Listener.ended`."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def broke(self, error: BaseException) -> None:
        """See `Listener.broke`."""
        if not self.outcome.done():
            self.outcome.set_exception(error)


def message_of(request: OutgoingRequest) -> bytes:
    """Return a request as it goes out; raises as `Place.head` and `lines_of`."""
    to, length = request.to, b""
    if request.body or to.method in _WITH_BODY:
        length = b"Content-Length: %d\r\n" % len(request.body)
    return b"%b%b%b\r\n%b" % (to.head, lines_of(request.headers), length, request.body)
