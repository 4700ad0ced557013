"""Which system a driver measures."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.rig import running_rig
from benchmarks.systems.peer import open_peer
from benchmarks.systems.ringback import Ringback
from benchmarks.systems.system import System


@contextmanager
def running_system(peer: str) -> Generator[System]:
    """Run Ringback, or use the peer that a file describes."""
    if peer:
        with open_peer(Path(peer)) as system:
            yield system
        return
    with running_rig() as rig:
        yield Ringback(rig)
