"""`math.divide`: the smallest task that can fail."""

from workers.task_types.define import TaskContext, TaskError, task_type


@task_type("math.divide")
def divide(_context: TaskContext, *, x: float, y: float) -> float:
    """Divide x by y. Fails with code `division_by_zero`."""
    try:
        return x / y
    except ZeroDivisionError:
        raise TaskError("division_by_zero", "Division by zero", "y must not be zero.") from None
