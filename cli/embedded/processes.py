"""Processes that end with whoever started them, and are ended by their ids.

`PR_SET_PDEATHSIG` (prctl(2)) has the kernel signal a child when its parent dies, however it dies. It fires when
the *thread* that forked ends, so that `spawn` insists on the main thread. Systems other than Linux have no such
call; there a killed supervisor leaves its children behind.
"""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import Final

from cli.embedded.account import Account

_PR_SET_PDEATHSIG: Final = 1

# Servers inherit nothing: PGOPTIONS, LD_LIBRARY_PATH or a locale would change how they behave.
BARE_ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def spawn(
    argv: Sequence[str],
    *,
    death_signal: Signals,
    env: Mapping[str, str],
    output: int,
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    account: Account | None = None,
    keep_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that a terminal's Ctrl-C does not reach it.

    Args:
        argv: program and arguments.
        death_signal: what it gets when this process dies.
        env: its whole environment.
        output: file descriptor, or `subprocess.PIPE`, for its standard output and error.
        stdin: file descriptor, or `subprocess.PIPE`.
        cwd: where it starts; `None`: where this process is.
        account: whom it runs as; `None`: as this process.
        keep_fds: file descriptors that stay open in it, under the same numbers.

    Raises:
        OSError, RuntimeError: the program cannot be executed; this is not the main thread.
    """
    return subprocess.Popen(  # noqa: S603 - the programs are this project's own
        argv,
        env=env,
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=keep_fds,
        preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 - it only makes two system calls
        user=account and account.uid,
        group=account and account.gid,
        extra_groups=account and [],
    )


def _die_with_parent(death_signal: Signals) -> Callable[[], None] | None:
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a child dies with the thread that forked it: start it from the main thread")
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def run_in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before prctl: nobody would ever signal
            os._exit(1)

    return run_in_child


def stop(process: subprocess.Popen[bytes], gently: Signals, grace: float) -> None:
    """End a child: `gently` first, SIGKILL after `grace` seconds. Returns once it is reaped."""
    if process.poll() is None:
        process.send_signal(gently)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
