"""The real stack on private stores: two of each process, every one of which can be killed, stopped and started."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx

from cli.embedded.ports import free_port
from cli.embedded.postgres import Postgres
from cli.embedded.processes import spawn, stop
from cli.embedded.redis import Redis
from cli.embedded.store import Store, end, start
from core.model.api_key import new_api_key
from tests.chaos.launcher import Plan
from tests.conftest import migrate
from tests.support.rabbitmq import RabbitServer, rabbitmq_server
from tests.support.stack import MODULES, SECRET_KEYS, eventually
from tests.support.stores import ask_patiently, private_directory

APIS: Final = ("api1", "api2")
WORKERS: Final = ("worker1", "worker2")
DELIVERERS: Final = ("deliverer1", "deliverer2")
PROCESSES: Final = (*APIS, *WORKERS, *DELIVERERS)
TIMEOUT: Final = 2
LEASE: Final = 2
DISK: Final = "3g"
SCHEDULE: Final = (1, 1, 2, 2, 3, 3, 5, 5, 8, 8)


class StoreProcess:
    """A store that a test kills and starts again."""

    def __init__(self, store: Store) -> None:
        self.store: Final = store
        self.process = start(store)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it so, and return once it is gone."""
        stop(self.process, how, grace=20)

    def start(self) -> None:
        """Start it again and return once it takes connections."""
        self.process = start(self.store)

    def close(self) -> None:
        """End it gently."""
        end(self.store, self.process)


class Cluster:
    """Stores and processes; everything is started from the main thread."""

    def __init__(
        self,
        directory: Path,
        postgres: StoreProcess,
        redis: StoreProcess,
        rabbit: RabbitServer,
        *,
        place: Path,
        disk: Path | None,
    ) -> None:
        self.directory: Final = directory
        self.place: Final = place
        """Where the sockets lie, and the data."""
        self.disk: Final = disk
        """Where Postgres's data lies, if that is a small disk of its own."""
        self.postgres: Final = postgres
        self.redis: Final = redis
        self.rabbit: Final = rabbit
        self.operator_key: Final = new_api_key()
        self.ports: Final = {name: free_port() for name in APIS}
        self.processes: Final[dict[str, subprocess.Popen[bytes]]] = {}
        self.plans: Final[dict[str, Plan]] = {}
        self.known: Final[set[str]] = set()
        self.urls: Final = {
            "DATABASE_URL": _postgres_of(postgres).url,
            "BROKER_URL": rabbit.url,
            "REDIS_URL": _redis_of(redis).redis_url,
        }
        self.settings: Final[dict[str, str]] = {}

    @property
    def apis(self) -> tuple[str, ...]:
        """The API processes that clients know."""
        return tuple(name for name in APIS if name in self.known)

    def start(self, *names: str) -> None:
        """Start processes by their names, each as its plan says."""
        self.known.update(names)
        for name in names:
            with (self.directory / f"{name}.log").open("ab") as log:
                self.processes[name] = spawn(
                    [sys.executable, "-m", "tests.chaos.launcher", _module(name), json.dumps(self.plans.get(name, {}))],
                    death_signal=signal.SIGKILL,
                    env=self._env(name),
                    output=log.fileno(),
                )

    def kill(self, *names: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End processes and return once they are gone; SIGTERM lets them finish."""
        for name in names:
            self.processes[name].send_signal(how)
        for name in names:
            stop(self.processes.pop(name), how, grace=30)

    def restart(self, *names: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End processes and start them again."""
        self.kill(*names, how=how)
        self.start(*names)

    def wait_for_death(self, name: str, within: float = 60) -> bool:
        """Wait until a process has ended by itself; tell whether it has."""
        with suppress(subprocess.TimeoutExpired):
            self.processes[name].wait(within)
        return self.processes[name].poll() is not None

    def wait_until_ready(self, *names: str) -> None:
        """Return once these API processes say that everything can be used."""
        for name in names or self.apis:
            url = f"http://127.0.0.1:{self.ports[name]}/readyz"
            eventually(lambda url=url: httpx.get(url, trust_env=False, timeout=5).raise_for_status(), within=90)

    @property
    def data(self) -> Path:
        """Where Postgres keeps its data."""
        return (self.disk or self.place) / "data"

    @property
    def superuser_url(self) -> str:
        """The product's database, as the superuser."""
        return _postgres_of(self.postgres).url_of("ringback", user="postgres")

    def sql(self, statement: str) -> str:
        """Run a statement as the superuser in the product's database."""
        return ask_patiently(self.superuser_url, statement)

    def children(self, name: str) -> list[int]:
        """Return the process IDs of a worker's children."""
        return family(self.processes[name].pid)[1:]

    def signal(self, pid: int, how: signal.Signals) -> None:
        """Send a signal to a child's child, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(pid, how)

    def close(self) -> None:
        """End every process at once."""
        for name in tuple(self.processes):
            with suppress(ProcessLookupError):
                self.processes[name].send_signal(signal.SIGCONT)
            self.kill(name)

    def _env(self, name: str) -> dict[str, str]:
        own = {
            **self.urls,
            "OPERATOR_KEY": self.operator_key,
            "SECRET_KEYS": SECRET_KEYS,
            "PORT": str(self.ports.get(name, 1)),
            "HTTPS_ONLY": "false",
            "ALLOW_TARGETS": "127.0.0.0/8",
            "FEED_INTERVAL": "0.5",
            "LEASE": str(LEASE),
            "TIMEOUT": str(TIMEOUT),
            "RETRY_SCHEDULE": ",".join(str(seconds) for seconds in SCHEDULE),
            "TASK_MODULES": "tests.support.task_types",
            "LOG_LEVEL": "warning",
            "WORKER_CONCURRENCY": "1",
            **self.settings,
        }
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("RINGBACK_")}
        return inherited | {f"RINGBACK_{key}": value for key, value in own.items()}


def pause(seconds: float) -> None:
    """Let the others work."""
    threading.Event().wait(seconds)


@contextmanager
def running_cluster(directory: Path, names: Sequence[str] = PROCESSES) -> Generator[Cluster]:
    """Run everything on stores of its own until the block ends."""
    with ExitStack() as stack:
        rabbit = stack.enter_context(rabbitmq_server())
        place = stack.enter_context(private_directory())
        place.chmod(0o711)
        disk = stack.enter_context(small_disk(place / "disk"))
        postgres = StoreProcess(Postgres((disk or place) / "data", place, log=directory / "postgres.log"))
        stack.callback(postgres.close)
        redis = StoreProcess(Redis(place / "redis", place, log=directory / "redis.log"))
        stack.callback(redis.close)
        migrate(_postgres_of(postgres).url)
        cluster = Cluster(directory, postgres, redis, rabbit, place=place, disk=disk)
        stack.callback(cluster.close)
        cluster.start(*names)
        cluster.wait_until_ready(*(name for name in names if name in APIS))
        yield cluster


@contextmanager
def small_disk(place: Path) -> Generator[Path | None]:
    """Mount a disk that can be filled, in memory; `None` where that is not allowed."""
    place.mkdir(mode=0o711)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=711", "tmpfs", place], check=False)
    try:
        yield place if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", place], check=False)


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    with suppress(OSError):
        return [pid, *(int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    return [pid]


def remove_data(directory: Path) -> None:
    """Delete a directory with all that is in it."""
    shutil.rmtree(directory, ignore_errors=True)


def _module(name: str) -> str:
    return MODULES[name.rstrip("0123456789")]


def _postgres_of(one: StoreProcess) -> Postgres:
    assert isinstance(one.store, Postgres)
    return one.store


def _redis_of(one: StoreProcess) -> Redis:
    assert isinstance(one.store, Redis)
    return one.store
