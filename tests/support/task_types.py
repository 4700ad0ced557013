"""Task types that tests need, offered by a worker that names this module."""

import threading

from workers.task_types.define import TaskContext, task_type


@task_type("tests.hold")
def hold(context: TaskContext, *, seconds: float) -> int:
    """Do nothing for some seconds in the first run, and nothing at all in the next."""
    if context.run == 1:
        threading.Event().wait(seconds)
    return context.run
