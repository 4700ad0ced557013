# ruff: noqa: INP001 - a script of the image, not part of a package
"""Says whether a process of the image is well; the exit code is the answer.

    python health.py http://127.0.0.1:8000/readyz     the API answers 200
    python health.py tcp:5432 tcp:5672                connections to both ports stand

Worker and deliverer listen on nothing. Each holds a connection to Postgres and one to the broker as long as it
works, and loses them when it does not.
"""

import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PATIENCE: Final = 4
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED: Final = "01"  # tcp_states.h of Linux


def main(checks: list[str]) -> int:
    """Return 0 if every check holds."""
    return 0 if all(holds(check) for check in checks) else 1


def holds(check: str) -> bool:
    """Tell whether `http://…` answers 200, or a connection to the port of `tcp:PORT` stands."""
    kind, _, rest = check.partition(":")
    if kind == "tcp":
        return int(rest) in connected_ports(path.read_text() for path in _TABLES if path.exists())
    return answers(check)


def answers(url: str) -> bool:
    """Tell whether the URL answers 200."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=PATIENCE) as answer:
            return int(answer.status) == 200  # noqa: PLR2004 - the status that it is about
    except OSError:
        return False


def connected_ports(tables: Iterable[str]) -> set[int]:
    """Return the remote ports of the connections that stand, as the kernel's tables (proc_net_tcp) list them."""
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[3] == _ESTABLISHED}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
