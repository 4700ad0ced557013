"""`demo.sleep`: a task that takes as long as one likes, to watch progress and to try cancelling."""

import threading
from typing import Annotated, Final

from pydantic import Field

from core import clock
from workers.task_types.define import TaskContext, task_type

LONGEST: Final = 3600
LOOK_EVERY: Final = 0.25
"""Seconds between looks whether somebody wants it to end."""


@task_type("demo.sleep", soft_time_limit=LONGEST + 60, hard_time_limit=LONGEST + 90)
def sleep(context: TaskContext, *, seconds: Annotated[float, Field(ge=0, le=LONGEST)]) -> None:
    """Do nothing for some seconds; shows progress, and ends early when it is cancelled."""
    start = clock.monotonic()
    nothing = threading.Event()
    while (left := seconds - (clock.monotonic() - start)) > 0:
        context.stop_if_cancelled()
        context.progress(round(seconds - left, 2), seconds)
        nothing.wait(min(left, LOOK_EVERY))
    context.progress(seconds, seconds)
