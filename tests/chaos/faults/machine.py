"""Faults of the machine: full disks, disks that lie, clocks that leap, too few files."""

import resource
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGTERM
from typing import Final

from tests.chaos.cluster import APIS, DELIVERERS, Cluster, family, pause
from tests.chaos.rounds import Fault, Scene, SkippedError

NOTHING: Final = "Nothing."
REFUSED: Final = "503 with `Retry-After`, within 3 s."
HOUR: Final = 3600
FILES: Final = 40
_SECONDS: Final = 6


def full_disk(scene: Scene) -> None:
    """Fill the disk that Postgres lies on, then free it."""
    cluster = scene.cluster
    if cluster.disk is None:
        raise SkippedError("Postgres has no disk of its own: mounting a tmpfs needs root and CAP_SYS_ADMIN")
    filler = cluster.disk / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
    pause(_SECONDS * 2)
    filler.unlink()
    if cluster.postgres.process.poll() is not None:
        cluster.postgres.start()


def broken_sync(scene: Scene) -> None:
    """Let the disk refuse to sync: Postgres has to stop rather than to lie."""
    program = shutil.which("strace")
    if program is None:
        raise SkippedError("strace is not installed")
    pids = [f"-p{pid}" for pid in family(scene.cluster.postgres.process.pid)]
    inject = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=30"]
    tracer = subprocess.Popen(
        [program, "-f", "-q", *inject, *pids], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    pause(_SECONDS)
    tracer.terminate()
    _, said = tracer.communicate()
    if "Operation not permitted" in said:
        raise SkippedError("strace may not trace here: it needs CAP_SYS_PTRACE")
    if "INJECTED" not in said:
        scene.found.append("harness: no sync was refused")
    if scene.cluster.postgres.process.poll() is not None:
        scene.cluster.postgres.start()


def leaping_clocks(scene: Scene) -> None:
    """Let the clocks of an API process and a deliverer leap by an hour, back by two, and by a day."""
    file = scene.directory / "clock"
    file.write_text("0")
    with _with_clock(scene.cluster, file):
        for seconds in (HOUR, -HOUR, 24 * HOUR):
            moved = scene.directory / "clock.new"
            moved.write_text(str(seconds))
            moved.replace(file)
            pause(4)


def few_files(scene: Scene) -> None:
    """Let an API process and a deliverer open no more files than they have."""
    pids = [scene.cluster.processes[name].pid for name in ("api1", "deliverer1")]
    before = [resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids]
    for pid, (_, hard) in zip(pids, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (FILES, hard))
    pause(_SECONDS)
    for pid, limits in zip(pids, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@contextmanager
def _with_clock(cluster: Cluster, file: Path) -> Generator[None]:
    names = (APIS[0], DELIVERERS[0])
    for name in names:
        cluster.plans[name] = {"clock": str(file)}
    cluster.restart(*names, how=SIGTERM)
    cluster.wait_until_ready(APIS[0])
    try:
        yield
    finally:
        for name in names:
            cluster.plans.pop(name)
        cluster.restart(*names, how=SIGTERM)
        cluster.wait_until_ready(APIS[0])


FAULTS = (
    Fault("F15", "Postgres's disk full", full_disk, REFUSED, "P1 P13"),
    Fault("F16", "Postgres's disk refuses to sync", broken_sync, REFUSED, "P1"),
    Fault("F19", "clocks leap by an hour and by a day", leaping_clocks, NOTHING, "P7 P12", deaths=False),
    Fault("F23", "no files left", few_files, "Connections are refused.", "P13"),
)
