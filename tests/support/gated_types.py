"""A task type whose states a test walks through, offered by a worker that names this module."""

import threading
from pathlib import Path
from typing import Final

from workers.task_types.define import TaskContext, task_type

LOOK_EVERY: Final = 0.02


@task_type("tests.gated")
def gated(context: TaskContext, *, gates: str) -> str:
    """Go through the gates `progress` and `end`, which are files in a folder: each is open once it is there."""
    _wait_for(Path(gates, "progress"))
    context.progress(1, 2, "Half of it is done.")
    _wait_for(Path(gates, "end"))
    return "through"


def _wait_for(gate: Path) -> None:
    while not gate.exists():
        threading.Event().wait(LOOK_EVERY)
