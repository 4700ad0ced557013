"""`math.divide`: the smallest task that can fail."""

import math

from workers.task_types.define import TaskContext, TaskError, task_type


@task_type("math.divide")
def divide(_context: TaskContext, *, x: float, y: float) -> float:
    """Divide x by y. Fails with code `division_by_zero`, or `out_of_range`."""
    try:
        quotient = x / y
    except ZeroDivisionError:
        raise TaskError("division_by_zero", "Division by zero", "y must not be zero.") from None
    if not math.isfinite(quotient):
        raise TaskError("out_of_range", "Out of range", "The quotient is larger than a number can be.")
    return quotient
