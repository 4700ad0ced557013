"""How a lane slows down for a receiver that says it is too much, and how it gets faster again.

Additive increase, multiplicative decrease, as TCP does (RFC 5681, section 3.1): half as many at once after an answer
that asks for it (Standard Webhooks 1.0, "Response status codes": 429, 502, 504), one more for each round of successes.
"""

from dataclasses import dataclass
from typing import Final

SLOW_DOWN: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Pace:
    """How many may be under way at once, and when that was last cut, in the caller's seconds."""

    window: float
    cut_at: float

    @property
    def limit(self) -> int:
        """The whole number of them; one at the least."""
        return max(1, int(self.window))


def slower(pace: Pace | None, *, cap: int, started: float, now: float) -> Pace:
    """Return the pace after such an answer; attempts that were under way at the last cut do not cut again."""
    if pace is not None and started < pace.cut_at:
        return pace
    window = cap if pace is None else min(pace.window, cap)
    return Pace(max(1.0, window / 2), now)


def faster(pace: Pace, *, cap: int) -> Pace | None:
    """Return the pace after a success, `None` once it is the lane's own cap again."""
    window = pace.window + 1 / pace.window
    return None if window >= cap else Pace(window, pace.cut_at)
