"""Real stores for tests, each on a private socket: `with postgres_server() as server: …`.

They are made without durability, because their machine's crash ends the test anyway. They end with the process
that started them, which has to be on its main thread.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from cli.embedded.postgres import Postgres
from cli.embedded.postgres_binaries import installed_packages, programs_for
from cli.embedded.processes import BARE_ENVIRONMENT
from cli.embedded.redis import Redis, redis_server_program
from cli.embedded.store import end, start
from core.clock import monotonic

MEMORY: Final = Path("/dev/shm")
"""Where files are kept in memory: a database is copied there in a tenth of the time."""
ROOM: Final = 4 * 1024**3
"""Bytes that have to be free there: both workers of a run came to a third of that."""
GROUP: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running Postgres with the superuser `postgres` and the application's login `ringback`."""

    store: Postgres

    @property
    def superuser_url(self) -> str:
        """The database `postgres`, as the superuser."""
        return self.store.url_of("postgres", user="postgres")

    def url_of(self, database: str) -> str:
        """A database, as the application's login."""
        return self.store.url_of(database, user="ringback")

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database that belongs to `ringback`, a copy of `template` if one is given; return its URL.

        Nobody may be connected to the template.
        """
        # By file: half the time of copying through the log, which without fsync protects nothing.
        copied = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
        self.execute(f'CREATE DATABASE "{name}" OWNER ringback{copied}')
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, sql: str) -> None:
        """Run one statement as the superuser, in the database `postgres`.

        Raises:
            subprocess.CalledProcessError: Postgres refuses; its standard error says why.
        """
        ask(self.superuser_url, sql)


def ask(url: str, sql: str) -> str:
    """Run one statement and return what it yields, as psql prints it: unaligned, without headings.

    Raises:
        subprocess.CalledProcessError: Postgres refuses; its standard error says why.
    """
    psql = programs_for(None, installed_packages()) / "psql"
    argv = [str(psql), url, "-qXAt", "-v", "ON_ERROR_STOP=1", "-c", sql]
    done = subprocess.run(argv, check=True, capture_output=True, env=BARE_ENVIRONMENT, text=True)
    return done.stdout.strip()


@contextmanager
def postgres_server(*, durable: bool = False) -> Generator[PostgresServer]:
    """Run a Postgres of its own; a durable one for tests that kill it, and for measuring."""
    with private_directory(in_memory=not durable) as directory:
        store = Postgres(directory / "data", directory, log=directory / "log", durable=durable)
        process = start(store)
        try:
            yield PostgresServer(store)
        finally:
            end(store, process)


@contextmanager
def redis_server() -> Generator[str]:
    """Run a Redis of its own; yields its URL."""
    with private_directory(in_memory=True) as directory:
        store = Redis(directory / "data", directory, log=directory / "log", durable=False)
        process = start(store)
        try:
            yield store.redis_url
        finally:
            end(store, process)


def ask_patiently(url: str, sql: str, patience: float = 20.0) -> str:
    """Do as `ask`, again and again while the server comes up.

    Raises:
        subprocess.CalledProcessError: it does not come up within `patience` seconds.
    """
    deadline = monotonic() + patience
    while True:
        try:
            return ask(url, sql)
        except subprocess.CalledProcessError:
            if monotonic() > deadline:
                raise


def ask_redis(url: str, *command: str) -> list[str]:
    """Run one command on the Redis at a `unix://…?db=N` URL and return the lines of its answer."""
    parts = urlsplit(url)
    cli = Path(redis_server_program()).with_name("redis-cli")
    argv = [str(cli), "-s", parts.path, "-n", parse_qs(parts.query)["db"][0], *command]
    done = subprocess.run(argv, check=True, capture_output=True, env=BARE_ENVIRONMENT, text=True)
    return done.stdout.splitlines()


@contextmanager
def refusing_writes(redis_url: str) -> Generator[None]:
    """Have a Redis refuse to write."""
    ask_redis(redis_url, "CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        ask_redis(redis_url, "CONFIG", "SET", "maxmemory", "0")


@contextmanager
def private_directory(*, in_memory: bool = False) -> Generator[Path]:
    """Make a directory whose path is short enough for sockets, whatever TMPDIR is; in memory if there is room."""
    place = MEMORY if in_memory and room_in_memory() > ROOM else Path("/tmp")
    with tempfile.TemporaryDirectory(prefix="ringback-test-", dir=place) as path:
        yield Path(path)


def room_in_memory() -> int:
    """Return how many bytes may be kept in memory by files, without anything being killed for it; 0 if none can."""
    if not MEMORY.is_dir():
        return 0
    available = next(
        line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:")
    )
    rooms = [shutil.disk_usage(MEMORY).free, int(available.split()[1]) * 1024]
    limit = GROUP / "memory.max"
    if limit.is_file() and (most := limit.read_text().strip()) != "max":
        rooms.append(int(most) - int((GROUP / "memory.current").read_text()))
    return min(rooms)
