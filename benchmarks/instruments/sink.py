"""A receiver that answers at once and remembers what came when: it has to cost next to nothing.

`python -m benchmarks.instruments.sink`, a `Plan` as one line of JSON on standard input; prints the ports that it found
as one line of JSON. On the first of them it tells, on the others it receives. Every request costs three appends to
arrays: the number in its body, its endpoint, its first byte's time.
"""

import asyncio
import ssl
import sys
from array import array
from typing import Final, cast

import msgspec
import uvloop

from benchmarks.instruments.raw import content_length
from cli.embedded.ports import free_port
from core import clock
from core.open_files import raise_open_files

_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_PATH: Final = len("POST /e/")
_ENDPOINT_DIGITS: Final = 5


class Plan(msgspec.Struct, frozen=True):
    """What to listen on and what to look for."""

    ports: int = 1
    mark: str = '"mark":"'
    """What stands in a body in front of its number of ten digits."""
    certificate: str | None = None
    """A file with a key and its certificates, for TLS."""


class Receipts(msgspec.Struct, frozen=True):
    """What came, in order of arrival: arrays of `q` (number, -1 if it had none), `i` (endpoint) and `d` (seconds)."""

    numbers: bytes
    endpoints: bytes
    arrivals: bytes


class Ledger:
    """What came since it was last cleared."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all receipts."""
        self.numbers = array("q")
        self.endpoints = array("i")
        self.arrivals = array("d")
        self.connections = 0
        self.hanging: frozenset[int] = frozenset()

    def told(self) -> bytes:
        """Return all receipts."""
        return msgspec.msgpack.encode(
            Receipts(self.numbers.tobytes(), self.endpoints.tobytes(), self.arrivals.tobytes())
        )


class Receiving(asyncio.Protocol):
    """One connection of a deliverer: HTTP/1.1 with `Content-Length`, pipelined or not."""

    def __init__(self, ledger: Ledger, mark: bytes) -> None:
        self._ledger: Final = ledger
        self._mark: Final = mark
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so
        self._ledger.connections += 1

    def data_received(self, data: bytes) -> None:
        """Note and answer each request that is whole."""
        assert self._transport is not None
        at, data, start = clock.monotonic(), self._rest + data, 0
        while (head := data.find(b"\r\n\r\n", start)) >= 0:
            end = head + 4 + content_length(data, start, head)
            if end > len(data):
                break
            if self._note(data, start, head, end, at):
                self._transport.write(_OK)
            start = end
        self._rest = data[start:]

    def _note(self, data: bytes, start: int, head: int, end: int, at: float) -> bool:
        """Record a request; tell whether it gets an answer."""
        ledger, path = self._ledger, start + _PATH
        digits = data[path : path + _ENDPOINT_DIGITS]
        endpoint = int(digits) if digits.isdigit() else -1
        if endpoint in ledger.hanging:
            return False
        found = data.find(self._mark, head, end)
        number = found + len(self._mark)
        ledger.numbers.append(-1 if found < 0 else int(data[number : number + 10]))
        ledger.endpoints.append(endpoint)
        ledger.arrivals.append(at)
        return True


class Telling(asyncio.Protocol):
    """One connection of the driver: a line is a question, the answer is its length in four bytes and itself."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger: Final = ledger
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # as above

    def data_received(self, data: bytes) -> None:
        """Answer each line."""
        assert self._transport is not None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            answer = self._answer(line)
            self._transport.write(len(answer).to_bytes(4) + answer)

    def _answer(self, line: bytes) -> bytes:
        question, _, argument = line.partition(b" ")
        match question:
            case b"count":
                return b"%d" % len(self._ledger.numbers)
            case b"connections":
                return b"%d" % self._ledger.connections
            case b"receipts":
                return self._ledger.told()
            case b"hang":
                self._ledger.hanging = frozenset(msgspec.json.decode(argument, type=list[int]))
            case _:
                self._ledger.clear()
        return b""


async def _serve(plan: Plan) -> None:
    loop, ledger, context = asyncio.get_running_loop(), Ledger(), None
    if plan.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(plan.certificate)
    mark = plan.mark.encode()
    ports = sorted(free_port() for _ in range(plan.ports + 1))
    servers = [await loop.create_server(lambda: Telling(ledger), "127.0.0.1", ports[0])]
    for port in ports[1:]:
        receiving = loop.create_server(lambda: Receiving(ledger, mark), "127.0.0.1", port, ssl=context, backlog=1024)
        servers.append(await receiving)
    sys.stdout.buffer.write(msgspec.json.encode(ports) + b"\n")
    sys.stdout.buffer.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    raise_open_files()
    uvloop.run(_serve(msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)))
