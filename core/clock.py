"""The only place that asks what time it is."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return this machine's time in UTC. Schedules use the database's clock instead."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that asks


def unix_seconds() -> float:
    """Return this machine's time in seconds since 1970."""
    return time.time()  # noqa: TID251 - the one place that asks


def at(seconds: float) -> datetime:
    """Return the moment that many seconds after the start of 1970, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def monotonic() -> float:
    """Return seconds on a clock that never leaps; for durations and leases only."""
    return time.monotonic()


def rest(seconds: float) -> None:
    """Let this thread do nothing for so long."""
    time.sleep(seconds)


def timestamp(moment: datetime | None) -> str | None:
    """Return RFC 3339 in UTC with `Z`."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
