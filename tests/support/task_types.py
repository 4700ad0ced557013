"""Task types that tests need, offered by a worker that names this module."""

import os
import signal
import threading

from workers.task_types.define import TaskContext, task_type


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
