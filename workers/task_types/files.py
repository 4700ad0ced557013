"""A file that came with a task, as its type sees it."""

from pydantic import BaseModel, ConfigDict

from core.registry.task_types import FILE_MARK


class TaskFile(BaseModel):
    """A file: `size` is in bytes. Its content is what `TaskContext.read_file` gives."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={FILE_MARK: True})

    name: str
    size: int
    media_type: str
