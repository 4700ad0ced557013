"""`reports.generate`: a made-up report, built step by step by a generator that fails now and then."""

import threading
from secrets import SystemRandom
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import BaseModel, Field
from tenacity import wait_exponential_jitter

from workers.task_types.define import Retry, TaskContext, TaskError, task_type

STEP: Final = 0.2
"""Seconds that each step takes."""
MOST_STEPS: Final = 1_000
BASE: Final = "https://reports.example.com"

Step = Annotated[int, Field(ge=1, le=MOST_STEPS)]
Rate = Annotated[float, Field(ge=0, le=1)]
Version = Annotated[str, Field(min_length=1, max_length=100)]

_random: Final = SystemRandom()


class Report(BaseModel):
    """Where a report lies: there is one for each user and version."""

    user_id: int
    version: str
    report_url: str


class TransientError(TaskError):
    """The generator failed, and may not do so next time."""

    def __init__(self, step: int) -> None:
        super().__init__("transient_failure", "The report was not finished", f"The generator failed at step {step}.")


@task_type(
    "reports.generate",
    queue="reports",
    retry=Retry(
        on=(TransientError,), stop_after_attempt=5, wait=wait_exponential_jitter(multiplier=0.2, max=10, jitter=0.5)
    ),
)
def generate(
    context: TaskContext, *, user_id: int, version: Version, steps: Step = 5, failure_rate: Rate = 0
) -> Report:
    """Generate the report of a user in a version.

    Each step fails with the probability `failure_rate`; a failed run is tried again. A run that comes after a
    finished one gives back the report that is there.
    """
    url = context.once(f"report {user_id} {version}", lambda: _build(context, user_id, version, steps, failure_rate))
    return Report(user_id=user_id, version=version, report_url=url)


def _build(context: TaskContext, user_id: int, version: str, steps: int, failure_rate: float) -> str:
    for step in range(1, steps + 1):
        context.stop_if_cancelled()
        threading.Event().wait(STEP)
        if _random.random() < failure_rate:
            raise TransientError(step)
        context.progress(step, steps, f"Step {step} of {steps}")
    return f"{BASE}/{user_id}/{quote(version, safe='')}"
