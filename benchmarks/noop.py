"""The task type that is measured: it does nothing."""

from workers.task_types.define import TaskContext, task_type


@task_type("benchmarks.noop")
def noop(context: TaskContext, *, x: int) -> int:
    """Return what was given."""
    del context
    return x
