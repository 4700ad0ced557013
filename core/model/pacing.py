"""How often something may happen: the generic cell rate algorithm (ITU-T I.371, annex A), which keeps one number."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """So many per second on the long run, and so many at once: both of them 1 at the least where they are not less."""

    per_second: float
    at_once: float

    @property
    def interval(self) -> float:
        """Seconds that one of them takes."""
        return 1 / self.per_second

    @property
    def tolerance(self) -> float:
        """Seconds that may be run ahead."""
        return max(1.0, self.at_once) * self.interval

    def wait(self, due: float, now: float) -> float:
        """Return after how many seconds one more may happen; 0 if it may at once.

        `due` is what `taken` returned last, or any time in the past.
        """
        return max(0.0, max(due, now) + self.interval - self.tolerance - now)

    def taken(self, due: float, now: float) -> float:
        """Return when, at this pace, all that has happened is over, with one more of it."""
        return max(due, now) + self.interval
