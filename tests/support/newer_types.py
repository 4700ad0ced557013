"""A task type in its newer version, whose input has another name."""

from workers.task_types.define import TaskContext, task_type


@task_type("tests.versioned")
def versioned(_context: TaskContext, *, new: int) -> str:
    """Say which version this is."""
    return f"new {new}"
