"""A real RabbitMQ for tests: `with rabbitmq_server() as server: …`.

It has a port mapper (epmd), ports, a cookie and data of its own, so that it neither disturbs nor meets another
node of this machine. Both processes end with the one that started them, which has to be on its main thread.
"""

import json
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from typing import Final, cast

from cli.embedded.ports import free_port
from cli.embedded.processes import spawn, stop
from core.clock import monotonic
from core.model.start_error import StartError
from tests.support.stores import private_directory

PROGRAMS: Final = Path("/usr/lib/rabbitmq/bin")  # those in /usr/sbin become another user
_START_LIMIT: Final = 60.0
_PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"  # AMQP 0-9-1, section 4.2.2
_METHOD_FRAME: Final = b"\x01"


class RabbitServer:
    """One node; `url` stays the same when it is stopped and started again."""

    def __init__(self, directory: Path) -> None:
        """Describe a node that keeps everything in `directory`."""
        self._directory = directory
        self._port = free_port()
        self._env = _environment(directory, self._port)
        self._log = directory / "output.log"
        self._epmd = self._spawn("epmd")
        self._node: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}//"

    @property
    def pid(self) -> int:
        """The node's process."""
        assert self._node is not None
        return self._node.pid

    def start(self) -> None:
        """Start the node and return once it takes connections.

        Raises:
            StartError: it ended, or takes longer than a minute.
        """
        node = self._node = self._spawn(str(PROGRAMS / "rabbitmq-server"))
        deadline = monotonic() + _START_LIMIT
        while not _speaks_amqp(self._port):
            if _has_ended(node) or monotonic() > deadline:
                raise StartError(f"RabbitMQ did not start: {self._log.read_text()[-2000:]}")

    def stop(self, how: Signals = Signals.SIGTERM) -> None:
        """End the node; SIGKILL is a crash. What is durable is there again after `start`."""
        if self._node:
            stop(self._node, how, grace=30)

    def wipe(self) -> None:
        """Delete all that a node keeps, while it is stopped: it starts as one that was never there."""
        shutil.rmtree(self._directory / "mnesia")

    def close(self) -> None:
        """End the node and its port mapper."""
        self.stop(Signals.SIGKILL)  # nobody will read its data
        stop(self._epmd, Signals.SIGTERM, grace=5)

    def ctl(self, *args: str) -> str:
        """Run `rabbitmqctl` and return what it prints.

        Raises:
            subprocess.CalledProcessError: it failed; its standard error says why.
        """
        argv = [str(PROGRAMS / "rabbitmqctl"), "--quiet", *args]
        return subprocess.run(argv, env=self._env, check=True, capture_output=True, text=True).stdout

    def list_queues(self, *columns: str) -> list[dict[str, object]]:
        """Return the queues, each with the columns that `rabbitmqctl list_queues` knows; `name` if none is given."""
        told = self.ctl("list_queues", "--formatter=json", *(columns or ("name",)))
        return cast("list[dict[str, object]]", json.loads(told))

    def _spawn(self, program: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return spawn([program], death_signal=Signals.SIGTERM, env=self._env, output=log.fileno())


@contextmanager
def rabbitmq_server(*, durable: bool = True) -> Generator[RabbitServer]:
    """Run a node of its own; one that is not durable keeps in memory what it writes, if there is room."""
    if not (PROGRAMS / "rabbitmq-server").exists():
        raise StartError("RabbitMQ is missing: tests/run installs it")
    with private_directory(in_memory=not durable) as directory:
        server = RabbitServer(directory)
        try:
            server.start()
            yield server
        finally:
            server.close()


def _environment(directory: Path, port: int) -> dict[str, str]:
    (directory / "home").mkdir()
    (directory / "enabled_plugins").write_text("[].\n")
    (directory / "rabbitmq.conf").write_text(
        f"listeners.tcp.default = 127.0.0.1:{port}\n"
        "log.console = true\n"
        "log.console.level = warning\n"
        "vm_memory_high_watermark.absolute = 512MB\n"
        "disk_free_limit.absolute = 50MB\n"
    )
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(directory / "home"),  # the cookie lies there
        "RABBITMQ_NODENAME": f"ringback{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
        "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the node, so that its pid is the node's
    }


def _speaks_amqp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(_PROTOCOL_HEADER)
            return connection.recv(1) == _METHOD_FRAME
    except OSError:
        return False


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return False
    return True
