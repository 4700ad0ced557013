"""How far apart bursts go out."""

from typing import Final

from core import clock


class Spacing:
    """Seconds between bursts: `least` while things come seldom, up to `most` where each burst would carry several.

    Twice as far after each burst in which things came closer together than `least`, half as far after any other.
    """

    def __init__(self, least: float, most: float) -> None:
        """Let the first burst go at once."""
        self._least: Final = least
        self._most: Final = max(least, most)
        self._apart = least
        self._sent_at = -self._most

    def pause(self) -> float:
        """Return the seconds until the next burst may go."""
        return max(0.0, self._sent_at + self._apart - clock.monotonic())

    def sent(self, count: int) -> None:
        """Say that a burst has gone out, with so many things that were handed over since the last one."""
        now = clock.monotonic()
        crowded = count * self._least > now - self._sent_at
        self._apart = min(self._most, self._apart * 2) if crowded else max(self._least, self._apart / 2)
        self._sent_at = now
