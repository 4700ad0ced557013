"""A network of the test's own, in which every address is this machine's: `with own_network(): …`.

```
default route, IPv4 and IPv6 ──► lo, as local: 93.184.216.34 and 169.254.169.254 alike answer here
```

Nothing can leave it, and whatever listens on a wildcard address is reached by each of them. The calling thread is
in it until the block ends, and so is what it opens or starts meanwhile: sockets, threads, processes.
"""

import ctypes
import errno
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Final

_CLONE_NEWNET: Final = 0x4000_0000
_HERE: Final = Path("/proc/thread-self/ns/net")
_ROUTES: Final = (
    ("link", "set", "lo", "up"),
    ("route", "add", "local", "0.0.0.0/0", "dev", "lo"),
    ("-6", "route", "add", "local", "::/0", "dev", "lo"),
)


class NoNetworkError(Exception):
    """This process may not make a network; the message says why."""


@contextmanager
def own_network() -> Generator[None]:
    """Put this thread into a new network; raise `NoNetworkError` where that is not allowed."""
    program = which("ip")
    if program is None or not _HERE.exists():
        raise NoNetworkError("a network of its own needs Linux and the program ip (iproute2)")
    libc = ctypes.CDLL(None, use_errno=True)
    with _HERE.open("rb") as before:
        if libc.unshare(_CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno() or errno.EPERM)
            raise NoNetworkError(f"a network of its own needs CAP_SYS_ADMIN (root): {reason}")
        try:
            _lead_everything_here(program)
            yield
        finally:
            if libc.setns(before.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot go back to the network of before")


def _lead_everything_here(program: str) -> None:
    for arguments in _ROUTES:
        done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise NoNetworkError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
