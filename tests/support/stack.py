"""The product's real processes on given stores: `with running(stack): …`."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Final, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from cli.embedded.ports import free_port
from cli.embedded.processes import spawn, stop
from core.model.api_key import new_api_key
from core.model.sealing import KeyRing
from tests.support.secrecy import USED_KEYS, note_key, places, sealed_in, spilled

T = TypeVar("T")
MODULES: Final = {"api": "api", "worker": "workers", "deliverer": "workers.delivery"}
SECRET_KEYS: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class Stack:
    """API, worker and deliverer, each a process that a test can kill and start again."""

    def __init__(self, directory: Path, *, database: str, broker: str, redis: str, **settings: str) -> None:
        self.directory = directory
        self.operator_key = new_api_key()
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        own = {
            "DATABASE_URL": database,
            "BROKER_URL": broker,
            "REDIS_URL": redis,
            "OPERATOR_KEY": self.operator_key,
            "SECRET_KEYS": SECRET_KEYS,
            "PORT": str(self.port),
            "HTTPS_ONLY": "false",
            "ALLOW_TARGETS": "127.0.0.0/8",
            "FEED_INTERVAL": "0.2",
            "TASK_MODULES": "tests.support.task_types,tests.support.gated_types",
            **settings,
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
        self.env: Mapping[str, str] = inherited | {f"RINGBACK_{name}": value for name, value in own.items()}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False)
        self.client.event_hooks["request"] = [note_key]
        self.client.headers["Authorization"] = f"Bearer {self.operator_key}"

    def start(self, *names: str) -> None:
        """Start processes by their names."""
        for name in names:
            with (self.directory / f"{name}.log").open("ab") as log:
                self.processes[name] = spawn(
                    [sys.executable, "-m", MODULES[name]],
                    death_signal=SIGKILL,
                    env=self.env,
                    output=log.fileno(),
                )

    def start_worker(self, name: str, modules: str) -> None:
        """Start another worker, which offers the task types of these modules."""
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = spawn(
                [sys.executable, "-m", MODULES["worker"]],
                death_signal=SIGKILL,
                env={**self.env, "RINGBACK_TASK_MODULES": modules},
                output=log.fileno(),
            )

    def kill(self, name: str, how: Signals = SIGKILL) -> None:
        """End a process and return once it is gone; SIGTERM lets it finish."""
        stop(self.processes.pop(name), how, grace=20)

    def close(self) -> None:
        """End every process at once."""
        self.client.close()
        for name in tuple(self.processes):
            self.kill(name)

    def keep_secrets(self) -> None:
        """Raise if a secret or a key lies open in the database, a log or Redis."""
        database = self.env["RINGBACK_DATABASE_URL"]
        secrets = sealed_in(database, KeyRing(self.env["RINGBACK_SECRET_KEYS"])) | USED_KEYS | {self.operator_key}
        logs = sorted(self.directory.glob("*.log"))
        assert spilled(secrets, places(database, logs, self.env["RINGBACK_REDIS_URL"])) == []

    def wait_until_ready(self) -> None:
        """Return once the API says that everything can be used."""
        eventually(lambda: self.client.get("/readyz").raise_for_status(), within=120)

    def make_tenant(self, slug: str, **limits: int) -> None:
        """Make a tenant and act for it from now on."""
        self.client.headers.pop("Ringback-Tenant", None)
        self.client.post("/v1/tenants", json={"slug": slug, "name": slug, "limits": limits}).raise_for_status()
        self.client.headers["Ringback-Tenant"] = slug

    def get(self, path: str, **params: str) -> dict[str, object]:
        """Read something and return its JSON."""
        answer = self.client.get(path, params=params)
        found: dict[str, object] = answer.raise_for_status().json()
        return found

    def log(self, name: str) -> str:
        """What a process has said so far."""
        return (self.directory / f"{name}.log").read_text()


@contextmanager
def running(stack: Stack) -> Generator[Stack]:
    """Run all three processes until the block ends."""
    try:
        stack.start(*MODULES)
        stack.wait_until_ready()
        yield stack
        stack.keep_secrets()
    finally:
        stack.close()


def eventually(look: Callable[[], T], *, within: float = 60) -> T:
    """Look again until it neither raises `AssertionError` nor an HTTP error; the last error is the test's."""
    retrying = Retrying(
        stop=stop_after_delay(within),
        wait=wait_fixed(0.05),
        retry=retry_if_exception_type((AssertionError, httpx.HTTPError)),
        reraise=True,
    )
    return retrying(look)
