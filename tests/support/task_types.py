"""Task types that tests need, offered by a worker that names this module."""

import hashlib
import os
import signal
import threading
from contextlib import suppress

from billiard.exceptions import SoftTimeLimitExceeded
from tenacity import wait_fixed

from core.model.parts import Slice
from workers.task_types.define import Parts, Retry, TaskContext, TaskError, task_type


@task_type("tests.hold")
def hold(context: TaskContext, *, seconds: float) -> int:
    """Do nothing for some seconds in the first run, and nothing at all in the next."""
    if context.run == 1:
        threading.Event().wait(seconds)
    return context.run


@task_type("tests.crash")
def crash(context: TaskContext, *, runs: int) -> int:
    """Kill the process that it runs in, in each of the first `runs` runs."""
    if context.run <= runs:
        os.kill(os.getpid(), signal.SIGKILL)
    return context.run


@task_type("tests.nap")
def nap(_context: TaskContext, *, seconds: float) -> None:
    """Do nothing for some seconds."""
    threading.Event().wait(seconds)


class FlakyError(Exception):
    """A failure that passes."""


QUICKLY = Retry(on=(FlakyError,), stop_after_attempt=5, wait=wait_fixed(0.5))


@task_type("tests.flaky", retry=QUICKLY)
def flaky(context: TaskContext, *, failures: int) -> int:
    """Fail so often, then succeed."""
    if context.run <= failures:
        raise FlakyError
    return context.run


@task_type("tests.charge", retry=QUICKLY)
def charge(context: TaskContext, *, failures: int) -> dict[str, int]:
    """Do a side effect once, then fail so often."""
    charged = context.once("charge", lambda: context.run)
    if context.run <= failures:
        raise FlakyError
    return {"charged_in_run": charged, "run": context.run}


def go_on_for_ever() -> None:
    """Heed no soft time limit, then block where no signal is heard."""
    with suppress(SoftTimeLimitExceeded):
        threading.Event().wait()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


@task_type("tests.deaf", soft_time_limit=1, hard_time_limit=6)
def deaf(_context: TaskContext) -> None:
    """Run until it is killed."""
    go_on_for_ever()


@task_type("tests.talkative", soft_time_limit=1, hard_time_limit=30)
def talkative(context: TaskContext) -> str:
    """Say how far it is without end, and return once it is told to end: nearly always within an event loop."""
    try:
        while True:
            context.progress(1, 2)
    except SoftTimeLimitExceeded:
        return "heard"


DEAF_ONCE = Retry(on=(SoftTimeLimitExceeded,), stop_after_attempt=2, wait=wait_fixed(0.1))


@task_type("tests.deaf_once", soft_time_limit=1, hard_time_limit=2, retry=DEAF_ONCE)
def deaf_once(context: TaskContext) -> int:
    """Run until it is killed, in the first run."""
    if context.run == 1:
        go_on_for_ever()
    return context.run


def run_a_part_for_ever(_content: bytes) -> int:
    """Run until it is killed."""
    go_on_for_ever()
    return 1


@task_type("tests.deaf_parts", soft_time_limit=1, hard_time_limit=2, parts=Parts(run_a_part_for_ever, sum))
def deaf_parts(context: TaskContext) -> int:
    """Hand over to two parts."""
    context.in_parts([Slice(0, 1), Slice(1, 1)], b"12")


def kill_a_part(_content: bytes) -> int:
    """Kill the process that it runs in."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


@task_type("tests.deadly_parts", parts=Parts(kill_a_part, sum))
def deadly_parts(context: TaskContext) -> int:
    """Hand over to a part that kills its process, each time."""
    context.in_parts([Slice(0, 1)], b"1")


def wait_a_part(content: bytes) -> int:
    """Wait as many seconds as the part says."""
    seconds = float(content)
    if seconds < 0:
        raise TaskError("negative", "Negative", "Nobody can wait so long.")
    threading.Event().wait(seconds)
    return 1


@task_type("tests.slow_parts", soft_time_limit=9, hard_time_limit=10, parts=Parts(wait_a_part, sum))
def slow_parts(context: TaskContext, *, parts: int, seconds: float) -> int:
    """Run so many parts, each of which takes so long."""
    content = f"{seconds} ".encode()
    length = len(content)
    context.in_parts([Slice(place * length, length) for place in range(parts)], content * parts)


@task_type("tests.patient_parts", soft_time_limit=59, hard_time_limit=60, parts=Parts(wait_a_part, sum))
def patient_parts(context: TaskContext, *, parts: int, seconds: float) -> int:
    """Run so many parts, each of which takes so long, on however slow a machine."""
    return slow_parts(context, parts=parts, seconds=seconds)


@task_type("tests.traced")
def traced(context: TaskContext) -> str | None:
    """Tell which trace it belongs to."""
    return context.traceparent
