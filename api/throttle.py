"""How often a tenant may call, and an address without a valid key; asked only where there is a limit.

A tenant's requests are counted in Redis, by a script, so that all processes share one limit. While Redis is away each
process grants its share: the limit, divided by the API processes that were last seen there.
"""

import asyncio
import math
from collections.abc import Hashable
from typing import Final, cast
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core import clock
from core.lease.presence import Presence
from core.model.errors import LimitReachedError
from core.model.pacing import Pace

PATIENCE: Final = 0.25
ASK_AGAIN: Final = 1.0
"""Seconds for which Redis is left alone once it did not answer."""
FAILURES: Final = Pace(per_second=50, at_once=500)
"""Requests without a valid key from one address: many clients may stand behind it."""
_LIMIT: Final = 10_000
_MICROSECONDS: Final = 1_000_000

_TAKE: Final = """
-- As core/model/pacing.py, in microseconds of Redis's own clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + tonumber(ARGV[1])
local wait = due - tonumber(ARGV[2]) - now
if wait <= 0 then
    redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000))
end
return math.max(0, math.ceil(wait))
"""

_log: Final = structlog.stdlib.get_logger()


class Paces:
    """How far each of many is ahead of its pace, in this process."""

    def __init__(self) -> None:
        self._due: Final[dict[Hashable, float]] = {}

    def wait(self, who: Hashable, pace: Pace) -> float:
        """Return after how many seconds there is room for one more."""
        return pace.wait(self._due.get(who, 0.0), clock.monotonic())

    def take(self, who: Hashable, pace: Pace) -> float:
        """Take one if there is room; return after how many seconds there is, 0 if it was taken."""
        now = clock.monotonic()
        due = self._due.get(who, 0.0)
        wait = pace.wait(due, now)
        if not wait:
            if len(self._due) >= _LIMIT:
                self._due.clear()
            self._due[who] = pace.taken(due, now)
        return wait


class Throttle:
    """Lets a tenant's requests in, so many a second."""

    def __init__(self, redis: Redis, presence: Presence) -> None:
        """Count in this Redis; `presence` knows how many processes do."""
        self._script: Final = redis.register_script(_TAKE)
        self._presence: Final = presence
        self._own: Final = Paces()
        self._away_until = 0.0

    async def admit(self, tenant_id: UUID, per_second: int | None) -> None:
        """Count a request; raise `LimitReachedError` for one too many. `None` is no limit, and costs nothing."""
        if per_second is None:
            return
        wait = await self._take(tenant_id, per_second)
        if wait > 0:
            detail = f"The tenant may make {per_second} requests a second."
            raise LimitReachedError(
                detail, policy="requests-per-second", quota=per_second, reset=max(1, math.ceil(wait))
            )

    async def _take(self, tenant_id: UUID, per_second: int) -> float:
        if clock.monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._take_shared(tenant_id, Pace(per_second, at_once=per_second))
            except (RedisError, OSError, TimeoutError) as error:
                _log.warning("throttle.alone", error=type(error).__name__, processes=self._presence.processes)
                self._away_until = clock.monotonic() + ASK_AGAIN
        share = per_second / self._presence.processes
        return self._own.take(tenant_id, Pace(share, at_once=share))

    async def _take_shared(self, tenant_id: UUID, pace: Pace) -> float:
        told = await self._script(
            keys=[f"ringback:requests:{tenant_id}"],
            args=[pace.interval * _MICROSECONDS, pace.tolerance * _MICROSECONDS],
        )
        return cast("int", told) / _MICROSECONDS


class Failures:
    """Requests without a valid key, by the address that they came from, in this process."""

    def __init__(self) -> None:
        self._paces: Final = Paces()

    def check(self, address: str) -> None:
        """Raise `LimitReachedError` if too many have come from there."""
        self._raise(self._paces.wait(address, FAILURES))

    def count(self, address: str) -> None:
        """Count one; raise `LimitReachedError` for one too many."""
        self._raise(self._paces.take(address, FAILURES))

    def _raise(self, wait: float) -> None:
        if wait > 0:
            detail = "Too many requests without a valid API key come from this address."
            quota = int(FAILURES.per_second)
            raise LimitReachedError(detail, policy="requests-without-a-key", quota=quota, reset=max(1, math.ceil(wait)))
