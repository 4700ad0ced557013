"""Where and with what a result was measured, and what processes cost."""

import os
import platform
import subprocess
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PACKAGES: Final = ("celery", "kombu", "amqp", "fastapi", "uvicorn", "sqlalchemy", "asyncpg", "redis", "httpx")


def describe() -> dict[str, object]:
    """Return commit, machine and versions."""
    changed = _git("status", "--porcelain", "--", ":/", ":/!docs")  # results are written there
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "commit": f"{_git('rev-parse', '--short', 'HEAD')}{'-dirty' if changed else ''}" or None,
        "machine": {
            "cpu": names[0].partition(":")[2].strip() if names else platform.machine(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
    }


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], check=False, capture_output=True, text=True).stdout.strip()


def cpu_seconds() -> dict[str, float]:
    """Return the CPU time of each tree of processes that this one started, by its program; ended children count."""
    parents, used = _processes()
    spent: Counter[str] = Counter()
    for pid, seconds in used.items():
        root = _root(pid, parents, os.getpid())
        if root is not None:
            spent[_program(root)] += seconds  # pyright: ignore[reportArgumentType] - a Counter adds floats as well
    return dict(spent)


def cpu_seconds_of(pid: int) -> float:
    """Return the CPU time of a process and all below it; ended children count."""
    parents, used = _processes()
    return sum(seconds for one, seconds in used.items() if one == pid or _root(one, parents, pid) is not None)


def _processes() -> tuple[dict[int, int], dict[int, float]]:
    parents, used = dict[int, int](), dict[int, float]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            _read(entry, parents, used)
    return parents, used


def _read(entry: Path, parents: dict[int, int], used: dict[int, float]) -> None:
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended just now
        return
    pid = int(entry.name)
    parents[pid] = int(fields[1])
    used[pid] = sum(map(int, fields[11:15])) / _TICKS  # proc(5): utime, stime, cutime, cstime


def _root(pid: int, parents: dict[int, int], above: int) -> int | None:
    while pid in parents:
        if parents[pid] == above:
            return pid
        pid = parents[pid]
    return None


def _program(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return "ended"
    return words[2] if words[1:2] == ["-m"] else Path(words[0].split()[0] if words[0] else "ended").name


def memory_of(pid: int) -> dict[str, float]:
    """Return a process's resident memory in MiB: now, and the most there was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {name: text for name, _, text in (line.partition(":") for line in lines)}
    names = {"resident_mib": "VmRSS", "most_resident_mib": "VmHWM"}
    return {name: round(int(found[field].split()[0]) / 1024, 1) for name, field in names.items()}
