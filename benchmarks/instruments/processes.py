"""The instruments as the drivers hold them: each a process of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from signal import SIGKILL, SIGTERM
from typing import Final, cast

import msgspec

from benchmarks.instruments.load import Order, Outcome
from benchmarks.instruments.sink import Plan, Receipts
from cli.embedded.processes import spawn, stop
from core.clock import monotonic

PATIENCE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What a load generator saw; times are in seconds, latencies those of each request in order."""

    count: int
    seconds: float
    started: float
    cpu: float
    latencies: Sequence[float]
    lateness: Sequence[float]
    """By how much the generator itself sent later than meant, at a steady rate."""
    intended: Sequence[float]
    answered: Sequence[float]


class WrongAnswersError(Exception):
    """A run that does not count: the system did not do what it was asked for."""


def send(order: Order) -> Sent:
    """Send an order to its end.

    Raises:
        WrongAnswersError: an answer had another status than it should have.
    """
    return Sending(order).finish()


class Sending:
    """A load generator at work."""

    def __init__(self, order: Order) -> None:
        """Start it."""
        self._order: Final = order
        # Not a pipe: through one, some megabytes came cut short now and then.
        self._told: Final = tempfile.TemporaryFile()  # noqa: SIM115 - `finish` closes it
        argv = [sys.executable, "-m", "benchmarks.instruments.load"]
        self._process: Final = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=self._told)
        assert self._process.stdin
        self._process.stdin.write(msgspec.json.encode(order))
        self._process.stdin.close()

    def finish(self) -> Sent:
        """Return what it saw, once all is answered; raises as `send`."""
        with self._told:
            if self._process.wait():
                raise WrongAnswersError("the load generator failed")
            self._told.seek(0)
            return _sent(self._order, msgspec.msgpack.decode(self._told.read(), type=Outcome))


def _sent(order: Order, outcome: Outcome) -> Sent:
    if outcome.wrong:
        raise WrongAnswersError(f"{outcome.wrong} times, as: {outcome.sample}")
    intended, sent, answered = (_doubles(one) for one in (outcome.intended, outcome.sent, outcome.answered))
    since = intended if order.rate else sent
    return Sent(
        count=len(sent),
        seconds=outcome.ended - outcome.started,
        started=outcome.started,
        cpu=outcome.cpu,
        latencies=[end - start for start, end in zip(since, answered, strict=True)],
        lateness=[real - meant for meant, real in zip(intended, sent, strict=True)],
        intended=intended,
        answered=answered,
    )


@dataclass(frozen=True, slots=True)
class Came:
    """What a sink received, in order of arrival."""

    numbers: Sequence[int]
    endpoints: Sequence[int]
    arrivals: Sequence[float]

    def first_of_each(self) -> dict[int, float]:
        """Return when each number came first."""
        found: dict[int, float] = {}
        for number, at in zip(self.numbers, self.arrivals, strict=True):
            found.setdefault(number, at)
        return found

    def first_of_each_pair(self) -> dict[int, dict[int, float]]:
        """Return when each number came first to each endpoint."""
        found: dict[int, dict[int, float]] = {}
        for number, endpoint, at in zip(self.numbers, self.endpoints, self.arrivals, strict=True):
            found.setdefault(number, {}).setdefault(endpoint, at)
        return found


class Sink:
    """A running sink; `urls` has one for each endpoint."""

    def __init__(self, process: subprocess.Popen[bytes], ports: Sequence[int], *, tls: bool) -> None:
        self.process: Final = process
        self._ports: Final = ports[1:]
        self._scheme: Final = "https" if tls else "http"
        self._told: Final = socket.create_connection(("127.0.0.1", ports[0]))

    def url(self, endpoint: int) -> str:
        """Return where an endpoint receives."""
        port = self._ports[endpoint % len(self._ports)]
        return f"{self._scheme}://127.0.0.1:{port}/e/{endpoint:05d}"

    @property
    def port(self) -> int:
        """Where its first endpoint receives."""
        return self._ports[0]

    def count(self) -> int:
        """Return how much came; costs the sink next to nothing."""
        return int(self._ask(b"count"))

    def connections(self) -> int:
        """Return how many connections were opened."""
        return int(self._ask(b"connections"))

    def came(self) -> Came:
        """Return all that came."""
        told = msgspec.msgpack.decode(self._ask(b"receipts"), type=Receipts)
        numbers, endpoints = array("q"), array("i")
        numbers.frombytes(told.numbers)
        endpoints.frombytes(told.endpoints)
        return Came(numbers, endpoints, _doubles(told.arrivals))

    def clear(self) -> None:
        """Forget what came, and answer everybody again."""
        self._ask(b"clear")

    def hang(self, endpoints: Sequence[int]) -> None:
        """Answer these endpoints no more."""
        self._ask(b"hang " + msgspec.json.encode(list(endpoints)))

    def close(self) -> None:
        """End it."""
        self._told.close()
        stop(self.process, SIGTERM, grace=5)

    def _ask(self, question: bytes) -> bytes:
        self._told.sendall(question + b"\n")
        return self._read(int.from_bytes(self._read(4)))

    def _read(self, size: int) -> bytes:
        return self._told.recv(size, socket.MSG_WAITALL) if size else b""


@contextmanager
def running_sink(plan: Plan) -> Generator[Sink]:
    """Run a sink until the block ends."""
    reading, writing = os.pipe()
    os.write(writing, msgspec.json.encode(plan) + b"\n")
    os.close(writing)
    argv = [sys.executable, "-m", "benchmarks.instruments.sink"]
    process = spawn(argv, death_signal=SIGKILL, env=dict(os.environ), output=subprocess.PIPE, stdin=reading)
    os.close(reading)
    assert process.stdout
    sink = Sink(process, cast("list[int]", msgspec.json.decode(process.stdout.readline())), tls=bool(plan.certificate))
    try:
        yield sink
    finally:
        sink.close()


def eventually_counts(sink: Sink, count: int, within: float = PATIENCE) -> None:
    """Return once that much came; looks ten times a second.

    Raises:
        WrongAnswersError: it does not come.
    """
    deadline = monotonic() + within
    while (there := sink.count()) < count:
        if monotonic() > deadline:
            raise WrongAnswersError(f"{there} of {count} came")
        pause()


def pause(seconds: float = 0.1) -> None:
    """Let the processes that are measured work."""
    time.sleep(seconds)


def _doubles(raw: bytes) -> Sequence[float]:
    found = array("d")
    found.frombytes(raw)
    return found
