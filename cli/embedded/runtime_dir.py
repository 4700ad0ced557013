"""A short, private place for sockets, which the data directory links to as `run`.

A Unix socket's path must stay below 108 bytes (unix(7)), and a data directory may lie anywhere. The link lets
the next start clear away what a killed supervisor left behind.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_PREFIX: Final = "ringback-"
_SHORT: Final = "/tmp"  # noqa: S108 - mkdtemp makes a private directory in it
_LONGEST_BASE: Final = 60  # leaves room for /ringback-XXXXXXXX/postgres/.s.PGSQL.5432


class RuntimeDir:
    """A directory of mode 0700 under the system's temporary one, until its `with` block ends."""

    def __init__(self, link: Path) -> None:
        """Make the directory and point `link` to it; what `link` pointed to before is removed."""
        self._link = link
        self._remove()
        base = tempfile.gettempdir()
        base = base if len(base) <= _LONGEST_BASE else _SHORT
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        link.symlink_to(self.path)
        # systemd-tmpfiles leaves alone what carries a lock, however old it is.
        self._handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)
        self._remove()

    def _remove(self) -> None:
        if not self._link.is_symlink():
            return
        target = self._link.readlink()
        if target.name.startswith(_PREFIX) and target.is_dir() and target.stat().st_uid == os.geteuid():
            shutil.rmtree(target, ignore_errors=True)
        self._link.unlink()
