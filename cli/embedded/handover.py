"""Handing directories to a server that runs as somebody else.

Root's data may lie where no other user can look, under a home directory of mode 0700, and Postgres refuses to
be root. So the server inherits open directories, and knows them as `/proc/self/fd/N`: opening such a path asks
for rights on the directory itself, not on its parents. Nobody's permissions have to be changed for it.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.embedded.account import Account


def make_private(directory: Path, account: Account | None) -> None:
    """Make `directory` with mode 0700, owned by `account`, or by this user if that is `None`."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(directory, account.uid, account.gid)


class Handover:
    """Holds directories open until the process that is to inherit them has been started."""

    def __init__(self, account: Account | None) -> None:
        """Hand over to `account`; `None` is this user, who needs no help."""
        self.account = account
        self.fds: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self.fds:
            os.close(handle)

    def path(self, directory: Path) -> str:
        """Return the name of `directory` in a process that keeps `fds` open."""
        if self.account is None:
            return str(directory)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self.fds.append(handle)
        return f"/proc/self/fd/{handle}"
