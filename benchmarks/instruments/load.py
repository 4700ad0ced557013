"""A load generator: as fast as answers come, or at a steady rate whatever comes.

`python -m benchmarks.instruments.load`, an `Order` as JSON on standard input; writes an `Outcome` as MessagePack.
At a rate, a request's latency counts from the moment at which it was meant to be sent, so that a system that stalls
is charged for all that should have been sent meanwhile (no coordinated omission).
"""

import asyncio
import re
import resource
import sys
from array import array
from collections import deque
from typing import Final, cast

import msgspec
import uvloop

from benchmarks.instruments.raw import content_length
from core import clock
from core.open_files import raise_open_files

NUMBER: Final = "@NUMBER@"
"""Stands for an event's number, ten digits."""
LANE: Final = "@LANE@"
"""Stands for its number modulo `lanes`, counted from `first_lane`, five digits."""
_TOKENS: Final = re.compile(f"({NUMBER}|{LANE})")
_LONGEST: Final = 0.05
_SHORTEST: Final = 0.001
"""Seconds between two looks at what is due: the loop's timers know nothing shorter, and it would spin."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send; ends after `count` requests or `seconds`, whichever is first, once all are answered."""

    port: int
    path: str
    headers: dict[str, str]
    line: str
    """The body of a request, or of each of its events."""
    opening: str = ""
    between: str = ""
    closing: str = ""
    batch: int = 1
    lanes: int = 1
    first_lane: int = 0
    first: int = 0
    """The number of the first event."""
    count: int = 1_000_000_000
    seconds: float = 1e9
    connections: int = 64
    rate: float = 0
    """Requests per second in all; 0 for as fast as answers come."""
    method: str = "POST"
    answer: str = "202"


class Outcome(msgspec.Struct, frozen=True):
    """What became of it; the arrays (`d`, seconds) have an entry for each request, in the order of their numbers."""

    intended: bytes
    sent: bytes
    answered: bytes
    started: float
    ended: float
    cpu: float
    """Seconds of CPU while sending."""
    wrong: int
    """Answers with another status than the order's."""
    sample: str
    """One of them."""


class Template:
    """Text in which an event's number is filled in; its length stays the same."""

    def __init__(self, text: str, lanes: int, first_lane: int = 0) -> None:
        parts = _TOKENS.split(text)
        fields = {NUMBER: "%(n)010d", LANE: "%(l)05d"}
        self._format: Final = "".join(fields.get(part, part.replace("%", "%%")) for part in parts)
        self._plain: Final = len(parts) == 1
        self._lanes: Final = lanes
        self._first_lane: Final = first_lane
        self._text: Final = text

    def fill(self, number: int) -> str:
        """Return the text of this event."""
        return self._text if self._plain else self._format % {"n": number, "l": self._first_lane + number % self._lanes}


class Requests:
    """Writes each request of an order."""

    def __init__(self, order: Order) -> None:
        self._order: Final = order
        self._line: Final = Template(order.line, order.lanes, order.first_lane)
        headers = {"Host": f"127.0.0.1:{order.port}", **order.headers, "Content-Length": str(len(self._body(0)))}
        lines = (
            f"{order.method} {order.path} HTTP/1.1",
            *(f"{name}: {text}" for name, text in headers.items()),
            "",
            "",
        )
        self._head: Final = Template("\r\n".join(lines), order.lanes, order.first_lane)

    def __getitem__(self, index: int) -> bytes:
        first = self._order.first + index * self._order.batch
        return self._head.fill(first).encode() + self._body(first)

    def _body(self, first: int) -> bytes:
        order, fill = self._order, self._line.fill
        lines = order.between.join(fill(number) for number in range(first, first + order.batch))
        return f"{order.opening}{lines}{order.closing}".encode()


class Run:
    """What is still to send, what was sent, and what came back."""

    def __init__(self, order: Order) -> None:
        self.order: Final = order
        self.requests: Final = Requests(order)
        self.intended: Final = array("d")
        self.sent: Final = array("d")
        self.answered: Final = array("d")
        self.idle: Final = deque["Sending"]()
        self.late: Final = deque[int]()
        self.under_way = 0
        self.scheduling = bool(order.rate)
        self.wrong = 0
        self.sample = ""
        self.done: Final = asyncio.Event()
        self.started = clock.monotonic()

    def next(self) -> int | None:
        """Return the request to send on a free connection now, if there is one."""
        if self.order.rate:
            return self.late.popleft() if self.late else None
        now, count = clock.monotonic(), len(self.intended)
        return None if count >= self.order.count or now - self.started >= self.order.seconds else self.intend(now)

    def intend(self, at: float) -> int:
        """Take up a request that is meant to be sent at a moment; return its index."""
        for times in (self.intended, self.sent, self.answered):
            times.append(at)
        return len(self.intended) - 1

    def tick(self) -> None:
        """Send what is due by now, at the steady rate, and come again when the next is."""
        order, now = self.order, clock.monotonic()
        while (due := self.started + len(self.intended) / order.rate) <= now:
            if len(self.intended) >= order.count or due - self.started >= order.seconds:
                self.scheduling = False
                self.settle()
                return
            index = self.intend(due)
            if self.idle:
                self.idle.popleft().send(index)
            else:
                self.late.append(index)
        asyncio.get_running_loop().call_later(max(_SHORTEST, min(due - now, _LONGEST)), self.tick)

    def settle(self) -> None:
        """Say that all is over, if it is."""
        if not (self.scheduling or self.under_way or self.late):
            self.done.set()


class Sending(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, run: Run) -> None:
        self._run: Final = run
        self._good: Final = f"HTTP/1.1 {run.order.answer}".encode()
        self._transport: asyncio.Transport | None = None
        self._index = 0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def connection_lost(self, exc: Exception | None) -> None:
        """End the run: a system that closes connections under load cannot be compared."""
        run = self._run
        if not run.done.is_set():
            run.wrong, run.sample = run.wrong + 1, f"connection lost: {exc}"
            run.done.set()

    def begin(self) -> None:
        """Send the next request, or wait for one."""
        index = self._run.next()
        if index is not None:
            self.send(index)
        elif self._run.order.rate:
            self._run.idle.append(self)
            self._run.settle()
        else:
            self._run.settle()

    def send(self, index: int) -> None:
        """Send a request."""
        assert self._transport is not None
        run = self._run
        run.under_way += 1
        self._index = index
        request = run.requests[index]
        run.sent[index] = clock.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Go on once the answer is whole."""
        data = self._rest + data
        head = data.find(b"\r\n\r\n")
        if head < 0 or len(data) < head + 4 + content_length(data, 0, head):
            self._rest = data
            return
        self._rest = b""
        run = self._run
        run.answered[self._index] = clock.monotonic()
        run.under_way -= 1
        if not data.startswith(self._good):
            run.wrong, run.sample = run.wrong + 1, data[:2000].decode(errors="replace")
        self.begin()


async def _main(order: Order) -> Outcome:
    loop, run = asyncio.get_running_loop(), Run(order)
    opened = [
        await loop.create_connection(lambda: Sending(run), "127.0.0.1", order.port) for _ in range(order.connections)
    ]
    used = resource.getrusage(resource.RUSAGE_SELF)
    run.started = clock.monotonic()
    for _, connection in opened:
        connection.begin()
    if order.rate:
        run.tick()
    await run.done.wait()
    ended, end = clock.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    arrays = (run.intended.tobytes(), run.sent.tobytes(), run.answered.tobytes())
    cpu = end.ru_utime + end.ru_stime - used.ru_utime - used.ru_stime
    return Outcome(*arrays, run.started, ended, cpu, run.wrong, run.sample)


if __name__ == "__main__":
    raise_open_files()
    outcome = uvloop.run(_main(msgspec.json.decode(sys.stdin.buffer.read(), type=Order)))
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome))
