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
from workers.queries import give_back


async def leave_to_others(
    database: Database, *, own: TaskType, task: TaskRecord, misfit: TaskMisfit, leased_by: str
) -> TaskEnd | None:
    """Give a run back if another live version of its type takes the input; `None` then, else how it ends."""
    async with database.engine() as tx:
        versions = await read_task_versions(tx, name=own.name)
        if not taken_by_another(own, versions, task.input or b"{}"):
            return misfit.end
        given = await give_back(tx, task_id=task.id, run=task.run, leased_by=leased_by)
    return None if given else CANCELLED  # or it is another run's by now, and the end will find that


def taken_by_another(own: TaskType, versions: Iterable[TaskType], input_: bytes) -> bool:
    """Tell whether one of these takes an input that `own` does not.

    Those with the same schema are no others: a worker may refuse what its schema lets pass, and two of them would hand
    such a task to and fro.
    """
    try:
        value: JsonValue = msgspec.json.decode(input_)
    except msgspec.DecodeError:
        return False
    return any(one.input_schema != own.input_schema and not one.problems(value) for one in versions)
