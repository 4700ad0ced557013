import sys
from collections.abc import Callable
from pathlib import Path
from signal import Signals
from subprocess import Popen, TimeoutExpired
from typing import Protocol

from cli.embedded.processes import stop
from core.clock import monotonic
from core.model.start_error import StartError

_START_LIMIT = 60.0
_GRACE = 30.0


class Store(Protocol):
    """A server that keeps data for us; it may be launched again after its process has ended."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def stop_signal(self) -> Signals:
        """What makes it end at once, with its data in order."""
        ...

    @property
    def log(self) -> Path:
        """The file that holds what it says."""
        ...

    def launch(self) -> Popen[bytes]:
        """Clear away what an earlier run left behind and start it, from the main thread.

        Raises:
            StartError: it cannot be started.
        """
        ...

    def is_ready(self, process: Popen[bytes]) -> bool:
        """Say whether the launched `process` takes connections; never waits."""
        ...

    def is_recovering(self, process: Popen[bytes]) -> bool:
        """Say whether it works through what an earlier run left behind, which takes as long as it takes."""
        ...


def start(store: Store) -> Popen[bytes]:
    """Launch `store` and return once it takes connections.

    Raises:
        StartError: it cannot be started, ended at once, or does nothing for a minute.
    """
    process = store.launch()
    try:
        wait_until_ready(store, process)
    except StartError:
        end(store, process)
        raise
    return process


def wait_until_ready(store: Store, process: Popen[bytes], until: Callable[[], bool] = lambda: False) -> None:
    """Return once `store` takes connections, or `until` says that nobody waits for it any more.

    One that recovers is waited for, with a word each minute: ended, it would have to begin again at the next start.

    Raises:
        StartError: it ended, or does nothing for a minute.
    """
    deadline = monotonic() + _START_LIMIT
    while not (store.is_ready(process) or until()):
        if _has_ended_within(process, 0.01):
            raise StartError(f"{store.name} ended at once: {_last_line(store.log)}")
        if monotonic() > deadline:
            if not store.is_recovering(process):
                raise StartError(f"{store.name} takes too long to start; its log is {store.log}")
            sys.stderr.write(f"ringback: {store.name} reads what it has from before; its log is {store.log}\n")
            deadline = monotonic() + _START_LIMIT


def end(store: Store, process: Popen[bytes]) -> None:
    """Stop what `start` returned; returns once it is gone."""
    stop(process, store.stop_signal, _GRACE)


def _has_ended_within(process: Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except TimeoutExpired:
        return False
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
