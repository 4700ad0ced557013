"""What runs as root in a container must run for an ordinary user too: this tests the second from within the first."""

import multiprocessing
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from cli.embedded.account import nobody
from tests.support.stores import private_directory


def run_as_ordinary_user(work: Callable[[], None]) -> int:
    """Run `work` in a forked process without root's rights; return its exit code, 0 if it did not raise."""
    process = multiprocessing.get_context("fork").Process(target=_without_rights, args=(work,))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    return -1 if code is None else code


@contextmanager
def directory_of_ordinary_user() -> Generator[Path]:
    """Make a private directory that belongs to the user who runs the work."""
    with private_directory() as path:
        if os.geteuid() == 0:
            os.chown(path, nobody().uid, nobody().gid)
        yield path


def _without_rights(work: Callable[[], None]) -> None:
    if os.geteuid() == 0:
        account = nobody()
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
    work()
