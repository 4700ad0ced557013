"""The circuit breaker of a lane: when it opens, how long it holds, and what closes it.

```
            10 attempts in 60 s, 70 % failed              its time is over
  closed ──────────────────────────────────► open (30 s) ──────────────────► one probe
    ▲                                          ▲   twice as long, 10 min at most │ │
    │                                          └─────────────── failed ──────────┘ │
    └────────────────────────────────────────────────────────── succeeded ─────────┘
```
A receiver that names a time with `Retry-After` holds its lane too, for that time and without a probe.
"""

from dataclasses import dataclass
from typing import Final

WINDOW: Final = 60
"""Seconds whose attempts count."""
LEAST: Final = 10
SHARE: Final = 0.7
FIRST: Final = 30.0
LONGEST: Final = 600.0
FORGOTTEN: Final = 3600.0
"""Seconds after which an open breaker that nothing has probed is closed: nothing waits for its lane."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A lane that may not send until a time, in Unix seconds.

    `length` is for how many seconds the breaker holds it; 0 where the receiver asked for a pause.
    """

    until: float
    length: float

    @property
    def broken(self) -> bool:
        """Whether it is the breaker's."""
        return self.length > 0


def opens(succeeded: int, failed: int) -> bool:
    """Tell whether so many attempts of the last 60 s open the breaker."""
    return succeeded + failed >= LEAST and failed >= SHARE * (succeeded + failed)


def opened(now: float) -> Hold:
    """Return the state of a breaker that opens."""
    return Hold(now + FIRST, FIRST)


def after(hold: Hold, *, succeeded: bool, started: float, now: float) -> Hold | None:
    """Return the state after an attempt that began at `started`; `None` is closed.

    A success closes, unless it began before the breaker opened: of many on the wire some succeed while most fail. A
    failure that began before the time was over was on the wire already, and says nothing new.
    """
    if not hold.broken or started < hold.until - hold.length:
        return hold
    if succeeded:
        return None
    if started < hold.until:
        return hold
    length = min(2 * hold.length, LONGEST)
    return Hold(now + length, length)


def paused(hold: Hold | None, seconds: float, now: float) -> Hold:
    """Return the state after the receiver asked for a pause; 10 min at most, and an open breaker stays as it is."""
    if hold is not None and (hold.broken or hold.until >= now + seconds):
        return hold
    return Hold(now + min(seconds, LONGEST), 0)


def room(hold: Hold | None, now: float) -> int | None:
    """Return how many may be under way at once: none, one probe, or any number (`None`)."""
    if hold is None:
        return None
    if now < hold.until:
        return 0
    return 1 if hold.broken else None


def is_over(hold: Hold, now: float) -> bool:
    """Tell whether there is nothing left to hold."""
    return hold.until + (FORGOTTEN if hold.broken else 0) <= now
