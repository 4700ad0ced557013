"""How many files a process may hold open; each connection is one."""

import resource
from contextlib import suppress


def raise_open_files() -> None:
    """Take what the hard limit allows: shells give a soft limit of 1,024, which a thousand held polls use up.

    Nothing happens where the system does not let it.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS takes no "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
