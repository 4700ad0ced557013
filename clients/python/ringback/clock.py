"""The clocks; nothing else in the package asks for the time."""

import time


def unix_seconds() -> float:
    """Return the time of the machine."""
    return time.time()  # noqa: TID251 - this is where it is asked


class Deadline:
    """An end in some seconds, by the clock that nobody sets; `None` is never."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds until then, 0 at least."""
        return float("inf") if self._end is None else max(0.0, self._end - time.monotonic())
