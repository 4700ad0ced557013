"""Two versions of a task type at once: a worker leaves to the others what its own version does not take.

```
input fits here ──► run                              other live version takes it ──► back to wait, nothing counted
input does not  ──► which versions are live? ───┴──► none does                   ──► FAILURE `invalid_input`
```
"""

from collections.abc import Iterable

import msgspec

from core.database import Database
from core.journal.tasks import TaskRecord
from core.model.endings import CANCELLED, TaskEnd, TaskMisfit
from core.model.json_value import JsonValue
from core.registry.queries import read_task_versions
from core.registry.task_types import TaskType
from workers.queries import give_back, holds_cancelled


async def leave_to_others(
    database: Database, *, own: TaskType, task: TaskRecord, misfit: TaskMisfit, leased_by: str
) -> TaskEnd | None:
    """Give a run back if another live version of its type takes the input; `None` then, else how it ends."""
    async with database.engine() as tx:
        versions = await read_task_versions(tx, name=own.name)
        if not taken_by_another(own, versions, task.input or b"{}"):
            return misfit.end
        given = await give_back(tx, task_id=task.id, run=task.run, leased_by=leased_by)
        # Not given back: it was asked to end, or it was given back by the try before this one, whose answer was lost.
        # Then its run number may be another worker's by now, which must not be ended from here.
        cancelled = not given and await holds_cancelled(tx, task_id=task.id, run=task.run, leased_by=leased_by)
    return CANCELLED if cancelled else None


def taken_by_another(own: TaskType, versions: Iterable[TaskType], input_: bytes) -> bool:
    """Tell whether one of these takes an input that the schema of `own` does not.

    What its schema lets pass and its code refuses is refused for good: two versions that both do so would hand the
    task to and fro for ever.
    """
    try:
        value: JsonValue = msgspec.json.decode(input_)
    except msgspec.DecodeError:
        return False
    return not own.takes(value) and any(one.takes(value) for one in versions)
