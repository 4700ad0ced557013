"""Ringback as a user would run it, on stores of its own: `with running_rig() as rig: …`.

```
Postgres (fsync on), RabbitMQ (quorum queues), Redis ──► one API process, one deliverer (guards on)
```
"""

import sys
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Final

from kombu import Connection, Queue

from benchmarks.instruments.machine import cpu_seconds, memory_of
from benchmarks.instruments.processes import PATIENCE, WrongAnswersError, pause
from cli.embedded.processes import spawn
from core.clock import monotonic
from tests.conftest import migrate
from tests.support.rabbitmq import rabbitmq_server
from tests.support.stack import Stack
from tests.support.stores import PostgresServer, ask, postgres_server, private_directory, redis_server

TENANT: Final = "bench"
SETTINGS: Final[Mapping[str, str]] = {"FEED_INTERVAL": "1", "TASK_MODULES": ""}
"""What differs from what the tests' stack sets: the product's own defaults again."""
_NAMES: Final = {
    "workers.delivery": "deliverer",
    "benchmarks.trusting": "deliverer",
    "beam.smp": "broker",
    "redis-server": "redis",
}
_AT_ONCE: Final = 4
_WRITE_AHEAD: Final = (
    "SELECT count(pg_logical_emit_message(false, 'ringback', repeat('x', 1000000))) FROM generate_series(1, 900)",
    "CHECKPOINT",
)
"""Has Postgres make the files of its log that one has which has run for an hour: they are used again from then on."""
_OURS: Final = ("api", "broker", "deliverer", "postgres", "redis")


@dataclass
class Rig:
    """The running product and its stores."""

    stack: Stack
    postgres: PostgresServer
    broker: str
    authorities: Path | None = None
    key: str = ""
    next_number: int = field(default=0)

    @property
    def database(self) -> str:
        """The database, as the superuser."""
        return self.postgres.store.url_of("bench", user="postgres")

    @property
    def url(self) -> str:
        """Where the API is."""
        return str(self.stack.client.base_url).rstrip("/")

    def spent(self, before: Mapping[str, float] | None = None) -> dict[str, float]:
        """Return the CPU seconds of each process of the product and its stores, since `before` if that is given."""
        ours = {name: seconds for name, seconds in self.all_spent().items() if name in _OURS}
        return {name: seconds - (before or {}).get(name, 0.0) for name, seconds in ours.items()}

    def all_spent(self) -> dict[str, float]:
        """Return the CPU seconds of every process tree that the benchmark started."""
        return {_NAMES.get(name, name): seconds for name, seconds in cpu_seconds().items()}

    def memory(self, name: str) -> dict[str, float]:
        """Return the resident memory of a process now and at its most, in MiB."""
        return memory_of(self.stack.processes[name].pid)

    def start_deliverer(self) -> None:
        """Start it, and return at once."""
        if self.authorities is None:
            self.stack.start("deliverer")
            return
        env = {**self.stack.env, "BENCHMARK_AUTHORITIES": str(self.authorities)}
        argv = [sys.executable, "-m", "benchmarks.trusting", "workers.delivery"]
        with (self.stack.directory / "deliverer.log").open("ab") as log:
            self.stack.processes["deliverer"] = spawn(argv, death_signal=SIGKILL, env=env, output=log.fileno())

    def stop_deliverer(self) -> None:
        """Let it end what it has begun, and return once it is gone."""
        if "deliverer" in self.stack.processes:
            self.stack.kill("deliverer", SIGTERM)

    def restart_deliverer(self) -> None:
        """End it at once, with whatever hangs on its wires, and start another."""
        self.stack.kill("deliverer")
        self.start_deliverer()

    def make_endpoints(self, bodies: Sequence[Mapping[str, object]]) -> None:
        """Register endpoints, some at a time."""

        def register(body: Mapping[str, object]) -> None:
            self.stack.client.post("/v1/endpoints", json=body).raise_for_status()

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(register, bodies))

    def take_numbers(self, count: int) -> int:
        """Return the first of so many numbers that no event had yet."""
        self.next_number += count
        return self.next_number - count

    def empty(self, *, endpoints: bool = False) -> None:
        """Forget all events, deliveries and messages, and the endpoints too if told so."""
        more = ", endpoints, secrets" if endpoints else ""
        self.ask(f"TRUNCATE events, deliveries, leases, attempts, dedupe, rollups{more}")
        purge_queue(self.broker, "ringback.deliveries")

    def ask(self, sql: str) -> str:
        """Run a statement as the superuser."""
        return ask(self.database, sql)

    def wait_until_recorded(self, within: float = PATIENCE) -> None:
        """Return once no delivery is under way any more."""
        deadline = monotonic() + within
        asked = "SELECT EXISTS (SELECT FROM deliveries WHERE due_at IS NOT NULL) OR EXISTS (SELECT FROM leases)"
        while self.ask(asked) != "f":
            if monotonic() > deadline:
                raise WrongAnswersError("deliveries are still under way")
            pause(0.2)


def purge_queue(broker: str, name: str) -> None:
    """Drop what waits in a queue."""
    with Connection(broker) as connection:
        Queue(name).bind(connection.default_channel).purge()


@contextmanager
def running_rig(*, authorities: Path | None = None, **settings: str) -> Generator[Rig]:
    """Run the API and a deliverer on fresh stores, for one tenant with a client's key."""
    with (
        private_directory() as directory,
        postgres_server(durable=True) as postgres,
        redis_server() as redis,
        rabbitmq_server() as broker,
    ):
        url = postgres.create_database("bench")
        migrate(url)
        for sql in _WRITE_AHEAD:
            ask(postgres.store.url_of("bench", user="postgres"), sql)
        stack = Stack(directory, database=url, broker=broker.url, redis=redis, **SETTINGS, **settings)
        rig = Rig(stack, postgres, broker.url, authorities)
        try:
            stack.start("api", "worker")
            rig.start_deliverer()
            stack.wait_until_ready()  # once a worker has registered its task types; events need none
            stack.kill("worker")
            stack.make_tenant(TENANT)
            made = stack.client.post("/v1/keys", json={"name": "bench", "role": "client"})
            rig.key = made.raise_for_status().json()["key"]
            yield rig
        finally:
            stack.close()
