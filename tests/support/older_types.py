"""A task type in its older version, for a worker that is to be replaced."""

from workers.task_types.define import TaskContext, task_type


@task_type("tests.versioned")
def versioned(_context: TaskContext, *, old: int) -> str:
    """Say which version this is."""
    return f"old {old}"
