"""`python -m tests.chaos.launcher MODULE PLAN`: one of the product's processes, with a fault built in.

The plan is JSON: `{"without": [protections], "fail": {"point": …, "after": …}, "clock": file, "names": server}`.
The product has no setting for any of it: what is replaced is replaced here, before the process's own module runs.
"""

import json
import os
import runpy
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypedDict, cast

import aiodns

import core.resolver
from core import clock, fail_points
from tests.chaos.protections import take_away


class Fail(TypedDict):
    """At which point the process ends itself, and after how many times that it went by it."""

    point: str
    after: int


class Plan(TypedDict, total=False):
    """What is wrong with a process."""

    without: list[str]
    fail: Fail
    clock: str
    names: str


class _Bomb:
    def __init__(self, fail: Fail) -> None:
        self._point: Final = fail["point"]
        self._left = fail["after"]

    def reached(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _ask(server: str) -> None:
    resolver = partial(aiodns.DNSResolver, nameservers=[server])
    setattr(core.resolver.aiodns, "DNSResolver", resolver)  # noqa: B010 - it is a class to everybody else


def _shifted(file: Path) -> Callable[[], float]:
    true = clock.unix_seconds

    def unix_seconds() -> float:
        return true() + float(file.read_text() or 0)

    return unix_seconds


def main() -> None:
    """Run it."""
    module, plan = sys.argv[1], cast("Plan", json.loads(sys.argv[2]))
    if "fail" in plan:
        fail_points.reached = _Bomb(plan["fail"]).reached
    if "clock" in plan:
        clock.unix_seconds = _shifted(Path(plan["clock"]))
    if "names" in plan:
        _ask(plan["names"])
    for name in plan.get("without", ()):
        take_away(name)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
