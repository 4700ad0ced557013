"""Making the data directory of the embedded Postgres."""

import os
import shutil
import subprocess
from pathlib import Path
from signal import Signals
from typing import Final

from cli.embedded.account import Account
from cli.embedded.handover import Handover, make_private
from cli.embedded.processes import BARE_ENVIRONMENT, spawn
from core.model.start_error import StartError

# Sorting and case by code point (Unicode's rules for case), the same on every machine and for every libc.
_LOCALE: Final = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_LOGIN: Final = b"""
CREATE ROLE ringback LOGIN NOINHERIT CREATEROLE;
CREATE DATABASE ringback OWNER ringback;
"""


def make_cluster(data_dir: Path, programs: Path, account: Account | None, *, durable: bool) -> None:
    """Make a cluster with superuser `postgres`, login `ringback` and its database, all or nothing.

    Raises:
        StartError: Postgres refuses; the message is the last line that it said.
    """
    fresh = data_dir.with_name(f"{data_dir.name}.new")
    if fresh.exists():  # left by one who died half-way
        shutil.rmtree(fresh)
    make_private(fresh, account)
    with Handover(account) as handover:
        place = handover.path(fresh)
        sync = () if durable else ("--no-sync",)
        initdb = (*_LOCALE, "--username=postgres", "--auth=trust", "--no-instructions", *sync)
        _run(handover, (str(programs / "initdb"), f"--pgdata={place}", *initdb))
        single = ("--single", "-D", place, "-c", "exit_on_error=true", "-c", f"fsync={'on' if durable else 'off'}")
        _run(handover, (str(programs / "postgres"), *single, "postgres"), _LOGIN)
    fresh.rename(data_dir)
    _sync(data_dir.parent)


def _run(handover: Handover, argv: tuple[str, ...], said: bytes = b"") -> None:
    process = spawn(
        argv,
        death_signal=Signals.SIGKILL,
        env=BARE_ENVIRONMENT,
        stdin=subprocess.PIPE,
        output=subprocess.PIPE,
        cwd=Path("/"),
        account=handover.account,
        keep_fds=handover.fds,
    )
    answer, _ = process.communicate(said)
    if process.returncode:
        last = answer.decode(errors="replace").strip().rpartition("\n")[2]
        raise StartError(f"{Path(argv[0]).name} failed: {last}")


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
