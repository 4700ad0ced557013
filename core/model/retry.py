"""When a failed delivery is tried again."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

DEFAULT_SCHEDULE: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER: Final = 0.2  # up to a fifth is added, never taken away
RETRY_AFTER_LIMIT: Final = 86_400

_DATE_FORMS: Final = (
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %d %H:%M:%S %Y",
)
_LONGEST_NUMBER: Final = len(str(RETRY_AFTER_LIMIT))


def delay_after(step: int, schedule: Sequence[int], draw: float) -> float | None:
    """Return the seconds to wait after the attempt at `step` failed, or `None` when the schedule is used up.

    `step` counts from 0; `draw` is a random number in [0, 1).
    """
    if step >= len(schedule):
        return None
    return schedule[step] * (1 + JITTER * draw)


def retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` asks to wait, from 0 to 24 h; `None` if it is malformed.

    Takes whole seconds and the three forms of an HTTP-date (RFC 9110, 10.2.3 and 5.6.7); one in the past
    is 0. `now` is aware.
    """
    text = value.strip(" \t")
    if text.isascii() and text.isdecimal():
        return _seconds(text.lstrip("0"))
    date = _http_date(text)
    if date is None:
        return None
    return min(max((date - now).total_seconds(), 0.0), float(RETRY_AFTER_LIMIT))


def _seconds(digits: str) -> float:
    # A receiver may send thousands of digits, which `int` refuses to read.
    if len(digits) > _LONGEST_NUMBER:
        return float(RETRY_AFTER_LIMIT)
    return float(min(int(digits or "0"), RETRY_AFTER_LIMIT))


def _http_date(text: str) -> datetime | None:
    for form in _DATE_FORMS:
        with suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    return None
