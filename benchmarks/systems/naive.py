"""The yardstick: what a tutorial builds of the same parts, on the stores of the rig and beside it."""

import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from signal import SIGKILL, SIGTERM
from subprocess import Popen
from typing import Final

import httpx

from benchmarks.instruments.load import LANE, NUMBER, Order
from benchmarks.instruments.processes import PATIENCE, WrongAnswersError, pause
from benchmarks.rig import Rig
from cli.embedded.ports import free_port
from cli.embedded.processes import spawn, stop
from core.clock import monotonic
from tests.support.stack import eventually
from tests.support.stores import ask

_SECRET: Final = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
_PARTS: Final = {"benchmarks.naive.api": "api", "celery": "worker"}
_STORES: Final = ("broker", "postgres", "redis")


class Naive:
    """FastAPI with an ORM session a request, one Celery task a delivery (prefork), httpx."""

    def __init__(self, rig: Rig, port: int) -> None:
        self.name: Final = "naive"
        self._rig: Final = rig
        self._port: Final = port

    def begin(self, urls: Sequence[str], *, lanes: int) -> None:
        """Forget everything, then register the endpoints."""
        self._ask("TRUNCATE endpoints, events, deliveries, attempts")
        with httpx.Client(base_url=f"http://127.0.0.1:{self._port}", trust_env=False) as client:
            for number, url in enumerate(urls):
                body = {"url": url, "event_type": f"bench.e{number % lanes:05d}", "secret": _SECRET}
                client.post("/endpoints", json=body).raise_for_status()

    def order(self, *, size: int, lanes: int) -> Order:
        """Return what Ringback gets too."""
        line = f'{{"type":"bench.e{LANE}","id":"bench-{NUMBER}","data":{{"mark":"{NUMBER}","pad":"{"x" * size}"}}}}'
        headers = {"Content-Type": "application/json"}
        return Order(
            port=self._port, path="/events", headers=headers, line=line, lanes=lanes, first=self._rig.next_number
        )

    def sent(self, count: int) -> None:
        """Go on with the next number."""
        self._rig.take_numbers(count)

    def spent(self, before: Mapping[str, float] | None = None) -> dict[str, float]:
        """Return its processes and the stores."""
        found = {_PARTS.get(name, name): seconds for name, seconds in self._rig.all_spent().items()}
        ours = {name: found.get(name, 0.0) for name in (*_PARTS.values(), *_STORES)}
        return {name: seconds - (before or {}).get(name, 0.0) for name, seconds in ours.items()}

    def wait_until_recorded(self) -> None:
        """Ask Postgres."""
        deadline = monotonic() + PATIENCE
        while self._ask("SELECT count(*) FROM deliveries WHERE status <> 'succeeded'") != "0":
            if monotonic() > deadline:
                raise WrongAnswersError("deliveries are still under way")
            pause(0.2)

    def _ask(self, sql: str) -> str:
        return ask(self._rig.postgres.store.url_of("naive", user="postgres"), sql)


@contextmanager
def running_naive(rig: Rig, *, concurrency: int) -> Generator[Naive]:
    """Run it until the block ends."""
    url = rig.postgres.create_database("naive").replace("postgresql://", "postgresql+psycopg://")
    env = {**os.environ, "NAIVE_DATABASE": url, "NAIVE_BROKER": rig.broker, "C_FORCE_ROOT": "1"}
    port, started = free_port(), list[Popen[bytes]]()
    celery = ("celery", "-A", "benchmarks.naive.worker", "worker", f"--concurrency={concurrency}")
    quiet = ("--without-gossip", "--without-mingle", "--loglevel=WARNING", "--hostname=naive@localhost")
    try:
        for argv in (("benchmarks.naive.api", str(port)), (*celery, *quiet)):
            with (rig.stack.directory / f"{argv[0]}.log").open("ab") as log:
                command = [sys.executable, "-m", *argv]
                started.append(spawn(command, death_signal=SIGKILL, env=env, output=log.fileno()))
        eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/openapi.json", trust_env=False), within=30)
        yield Naive(rig, port)
    finally:
        for process in started:
            stop(process, SIGTERM, grace=20)
