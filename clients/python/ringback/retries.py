"""When a request is sent again, and after how long."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses that say "not now". A POST may be sent again as well: its Idempotency-Key makes it one."""
UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""After these the API knows nothing of the request."""
_TAKEN_AWAY: Final = frozenset({"endpoints", "event-types", "keys", "portal-links", "tenants"})


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a request that nobody answered, or that was answered with "not now", is sent again.

    `limit` is how often after the first time, 0 for never. Pauses are in seconds: `base`, doubled each time up to
    `cap`, a random part of up to a half taken off; and never shorter than the `Retry-After` of the answer. One that
    asks for more than `longest` is not waited for: the error goes to the caller.
    """

    limit: int = 4
    base: float = 0.5
    cap: float = 8.0
    longest: float = 60.0

    def pause(self, retries: int, retry_after: float | None, draw: float | None = None) -> float | None:
        """Return how long to wait after that many retries, `None` to give up; `draw` is 0 to 1."""
        if retries >= self.limit or (retry_after or 0) > self.longest:
            return None
        taken_off = (random.random() if draw is None else draw) / 2  # noqa: S311 - it spreads load, it guards nothing
        own = min(self.cap, self.base * 2.0**retries) * (1 - taken_off)
        return max(own, retry_after or 0.0)


def takes_away(method: str, path: str) -> bool:
    """Tell whether a request deletes something so that it is not found again.

    What erases a task or a payload leaves a record: there, 404 says that there never was any.
    """
    return method == "DELETE" and path.split("/")[-2] in _TAKEN_AWAY


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After` (RFC 9110, 10.2.3) in seconds; `None` without one that can be read.

    A date, which a proxy may send, counts from the answer's own `Date`.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (ValueError, TypeError, KeyError):
        return None
