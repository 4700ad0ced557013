"""Servers that outlived their supervisor.

They are found by what they are, not by a pid that was written down: a number may be another process by now.
A server is ours if it bears the server's name and its working directory *is* the data directory; both
Postgres and Redis change into theirs.
"""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Final

from core.clock import monotonic

_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int


def end_orphans(directory: Path, name: str, gently: Signals, grace: float) -> None:
    """End every process called `name` that works in `directory`: the first ones gently, in the end by SIGKILL.

    Only a server whose parent is not one of them is told; it ends its own children.
    """
    deadline = monotonic() + grace
    found = _working_in(directory, name)
    pids = {process.pid for process in found}
    for process in found:
        if process.parent not in pids:
            _end(process.pid, directory, name, gently, deadline)
    for process in _working_in(directory, name):
        _end(process.pid, directory, name, None, deadline)


def _end(pid: int, directory: Path, name: str, gently: Signals | None, deadline: float) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _look_at(pid, directory, name) is None:  # the number changed hands before it was held
            return
        if gently:
            signal.pidfd_send_signal(handle, gently)
        if not _has_ended(handle, deadline):
            signal.pidfd_send_signal(handle, Signals.SIGKILL)
            _has_ended(handle, monotonic() + 5)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _has_ended(handle: int, deadline: float) -> bool:
    return bool(select.select([handle], [], [], max(0.0, deadline - monotonic()))[0])


def _working_in(directory: Path, name: str) -> list[_Process]:
    if not (_PROC.is_dir() and directory.is_dir()):
        return []
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [process for pid in pids if (process := _look_at(pid, directory, name))]


def _look_at(pid: int, directory: Path, name: str) -> _Process | None:
    entry = _PROC / str(pid)
    try:
        if (entry / "comm").read_text().strip() != name or not (entry / "cwd").samefile(directory):
            return None
        status = (entry / "status").read_text()
    except OSError:  # gone meanwhile, a zombie, or another user's
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return _Process(pid, int(fields["PPid"]))
