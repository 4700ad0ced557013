"""How far apart bursts go out."""

from typing import Final

from core import clock


class Spacing:
    """Seconds between bursts: `least` while little comes, up to `most` where a burst then carries more than `many`.

    Twice as far after each burst in which things came so fast that one `most` apart would carry more than `many`, half
    as far after any other.
    """

    def __init__(self, least: float, most: float, *, many: int) -> None:
        """Let the first burst go at once."""
        self._least: Final = least
        self._most: Final = max(least, most)
        self._many: Final = many
        self._apart = least
        self._sent_at = -self._most

    def pause(self) -> float:
        """Return the seconds until the next burst may go."""
        return max(0.0, self._sent_at + self._apart - clock.monotonic())

    def sent(self, count: int) -> None:
        """Say that a burst has gone out, with so many things that came since the last one."""
        now = clock.monotonic()
        crowded = count * self._most > self._many * (now - self._sent_at)
        self._apart = min(self._most, self._apart * 2) if crowded else max(self._least, self._apart / 2)
        self._sent_at = now
