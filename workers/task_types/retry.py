"""Which failures of a task are tried again, and when: tenacity's vocabulary, with the schedule kept in Postgres."""

from dataclasses import dataclass, field
from typing import Final

from tenacity import RetryCallState, wait_exponential_jitter
from tenacity.wait import wait_base

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
LATEST: Final = 366 * 86_400.0
"""Seconds beyond which a wait is taken for a mistake: Postgres cannot say every time that a number could mean."""


class WaitFailedError(Exception):
    """The wait of a policy raised an error, or gave what is no number of seconds from now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A policy: on these exceptions, so often in all, with these waits (seconds) between."""

    on: tuple[type[Exception], ...]
    stop_after_attempt: int = 5
    wait: wait_base = field(default_factory=lambda: wait_exponential_jitter(FIRST_WAIT, LONGEST_WAIT))

    def delay(self, error: Exception, attempt: int) -> float | None:
        """Return the seconds to wait after this attempt failed so, or `None` if the failure is final.

        Raises `WaitFailedError` if the policy's wait does not say.
        """
        if not isinstance(error, self.on) or attempt >= self.stop_after_attempt:
            return None
        state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # pyright: ignore[reportArgumentType] - waits read number and outcome
        state.attempt_number = attempt
        state.set_exception((type(error), error, error.__traceback__))
        try:
            seconds = float(self.wait(state))
        except Exception as raised:
            raise WaitFailedError from raised
        if not seconds <= LATEST:  # not a number, too
            raise WaitFailedError
        return max(0.0, seconds)

    def document(self) -> dict[str, object]:
        """Return it as `GET /v1/task-types` shows it."""
        return {
            "max_attempts": self.stop_after_attempt,
            "on": [error.__name__ for error in self.on],
            "wait": type(self.wait).__name__,
        }


NO_RETRY: Final = Retry(on=(), stop_after_attempt=1)
