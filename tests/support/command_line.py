"""The `ringback` command in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, Signals
from typing import cast

from tests.support.accounts import Json


def environment(home: Path, **settings: str) -> Mapping[str, str]:
    """Return what a command inherits: a home without profiles, and no settings but these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    return inherited | own | {f"RINGBACK_{name}": value for name, value in settings.items()}


def run(
    env: Mapping[str, str], *args: str, given: str | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *args],
        check=False,
        capture_output=True,
        text=True,
        env=env,
        cwd=cwd,
        input=given,
        timeout=60,
    )


def printed(done: subprocess.CompletedProcess[str]) -> Json:
    """Return the JSON object that a command has printed, if it went well."""
    assert done.returncode == 0, done.stderr
    return cast("Json", json.loads(done.stdout))


class Started:
    """A command that goes on; its lines are read one by one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> Json:
        """Return the next line of JSON that it prints."""
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        assert text, self._process.communicate()[1]
        return cast("Json", json.loads(text))

    def said(self) -> str:
        """Return the next line that it says beside them."""
        assert self._process.stderr is not None
        return self._process.stderr.readline()

    def interrupt(self, end: Signals = SIGINT) -> int:
        """Press Ctrl-C, or end it otherwise; return how it ended."""
        self._process.send_signal(end)
        return self.wait()

    def wait(self) -> int:
        """Return how it ended by itself."""
        self._process.communicate(timeout=60)
        return self._process.returncode


@contextmanager
def started(env: Mapping[str, str], *args: str, cwd: Path | None = None) -> Generator[Started]:
    """Start a command that prints lines until it is stopped."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        cwd=cwd,
    )
    try:
        yield Started(process)
    finally:
        process.kill()
        process.communicate()
