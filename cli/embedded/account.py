"""Whom a server runs as: Postgres refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from core.model.start_error import StartError


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int


def server_account(data_dir: Path) -> Account | None:
    """Return whom a server of `data_dir` must run as; `None` means as whoever runs this.

    Raises:
        StartError: this is root and the machine has no unprivileged user.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (owner := data_dir.stat().st_uid) != 0:
        return _account(pwd.getpwuid(owner))
    return nobody()


def nobody() -> Account:
    """Return the machine's user without rights.

    Raises:
        StartError: there is none.
    """
    try:
        return _account(pwd.getpwnam("nobody"))
    except KeyError as error:
        raise StartError("Postgres does not run as root, and this machine has no user `nobody`") from error


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
