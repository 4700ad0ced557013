"""The real `up` in a process of its own, with other programs in the places of the platform's.

`python -m tests.support.supervised '{"programs": {"worker": "print(1)"}, "migration": "pass"}'` is what runs there.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL
from typing import IO, Final, TypedDict, cast

from cli.embedded.ports import free_port
from cli.supervisor import Program
from cli.up import Plan, up
from core.starting import errors_in_one_line, read_settings

API: Final = "import runpy; runpy.run_module('tests.support.stand_in_api', run_name='__main__')"
IDLE: Final = "import os, signal; print('pid', os.getpid(), flush=True); signal.pause()"
STUBBORN: Final = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {IDLE}"
GIVEN_STORES: Final = {
    "RINGBACK_DATABASE_URL": "postgresql://given/given",
    "RINGBACK_BROKER_URL": "amqp://given",
    "RINGBACK_REDIS_URL": "redis://given",
    "RINGBACK_SECRET_KEYS": "given",
}


class _Told(TypedDict):
    programs: Mapping[str, str]
    migration: str


class Supervised:
    """A running supervisor; what it and its children say is read line by line."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        """Watch `process`, whose API listens on `port`."""
        self.process = process
        self.port = port
        self.heard = ""
        self._unmatched: list[str] = []

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read lines until one matches that matched nothing before.

        Children speak whenever they come to it: a line counts as well if it came before one that was asked for first.

        Raises:
            EOFError: it ended before.
        """
        for line in self._unmatched:
            if found := re.search(pattern, line):
                self._unmatched.remove(line)
                return found
        for line in self._output:
            self.heard += line
            if found := re.search(pattern, line):
                return found
            self._unmatched.append(line)
        raise EOFError(self.heard)

    def pid_of(self, child: str) -> int:
        """Read until a child that runs `IDLE` says its process id."""
        return int(self.read_until(rf"^{child} \| pid (\d+)").group(1))

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(SIGINT)
        return self.end()

    def interrupt_until_it_ends(self) -> int:
        """Press Ctrl-C again and again."""
        while True:
            self.process.send_signal(SIGINT)
            try:
                self.process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            return self.end()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.send_signal(SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Read to the end and return the exit code."""
        self.heard += self._output.read()
        return self.process.wait()

    @property
    def _output(self) -> IO[str]:
        return cast("IO[str]", self.process.stdout)


@contextmanager
def supervised(
    data_dir: Path,
    programs: Mapping[str, str],
    *,
    migration: str = "pass",
    env: Mapping[str, str] | None = None,
) -> Generator[Supervised]:
    """Run `up` with Python programs, given as source text, until the block ends."""
    port = int((env or {}).get("RINGBACK_PORT", free_port()))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    own = {"RINGBACK_DATA_DIR": str(data_dir), "RINGBACK_PORT": str(port), "TMPDIR": str(data_dir.parent)}
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps({"programs": programs, "migration": migration})],
        env=inherited | own | dict(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Supervised(process, port)
    try:
        yield running
    finally:
        process.terminate()
        process.communicate()


def _main(told: _Told) -> None:
    programs = [Program(name, (sys.executable, "-c", text)) for name, text in told["programs"].items()]
    plan = Plan(Program("migrations", (sys.executable, "-c", told["migration"])), programs)
    with errors_in_one_line():
        up(read_settings(), plan)


if __name__ == "__main__":
    _main(cast("_Told", json.loads(sys.argv[1])))
