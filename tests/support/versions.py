"""Two versions of one task type, as two workers offer them."""

from core.database import Database
from core.model import tables
from core.model.endings import TaskEnd, TaskMisfit
from core.model.states import TaskStatus
from core.registry.queries import register_task_type
from core.registry.task_types import TaskType
from tests.support.rows import Rows
from tests.support.samples import ago

NAME, ME = "tests.versioned", "here/1"
MISFIT = TaskMisfit(TaskEnd(TaskStatus.FAILURE, None, "invalid_input", "Invalid input", "It does not fit."))


def version(field: str, queue: str = "default") -> TaskType:
    """A version of the type whose input is one whole number of this name."""
    schema = {
        "type": "object",
        "properties": {field: {"type": "integer"}},
        "required": [field],
        "additionalProperties": False,
    }
    return TaskType(
        name=NAME,
        description="",
        queue=queue,
        input_schema=schema,
        output_schema={},
        soft_time_limit=1,
        hard_time_limit=2,
        retry_policy={"max_attempts": 1},
    )


OLD, NEW = version("old"), version("new", queue="reports")


async def offer(database: Database, kind: TaskType) -> None:
    async with database.engine() as tx:
        await register_task_type(tx, task_type=kind)


async def unseen_for(rows: Rows, kind: TaskType, seconds: int) -> None:
    where = tables.task_types.c.fingerprint == kind.fingerprint
    async with rows.database.engine() as tx:
        await tx.execute(tables.task_types.update().where(where).values(seen_at=ago(seconds)))
