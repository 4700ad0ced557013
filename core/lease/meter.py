"""Rate limits of endpoints: one bucket for each in Redis, shared by all deliverers, or by all APIs for what is pulled.

While Redis is away each process keeps buckets of its own, of its share: the rate by the number of processes of its kind
that were last seen. One call draws for all lanes of a batch.
"""

from collections.abc import Mapping
from typing import Final, cast
from uuid import UUID

import structlog
from redis.asyncio import Redis

from core import clock
from core.journal.held import bucket_key
from core.lease.presence import REDIS_ERRORS, Presence, soon
from core.model.bucket import BURST, Bucket, Draw, draw

# As core/model/bucket.py draws, with Redis's own clock, so that no process's matters. Times are in milliseconds.
_DRAW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local drawn = {}
for i, key in ipairs(KEYS) do
    local rate, wanted = tonumber(ARGV[2 * i]) / 1000, tonumber(ARGV[2 * i + 1])
    local tokens = math.max(1, rate * 1000 * tonumber(ARGV[1]))
    local had = redis.call('GET', key)
    if had then
        local left, at = had:match('^(%S+) (%S+)$')
        tokens = math.min(tokens, left + math.max(0, now - at) * rate)
    end
    local granted = math.min(wanted, math.floor(tokens + 1e-6))
    local left = tokens - granted
    redis.call('SET', key, string.format('%.6f %.3f', left, now), 'PX', 60000)
    drawn[#drawn + 1] = granted
    drawn[#drawn + 1] = left < 1 - 1e-6 and math.ceil((1 - left) / rate) or 0
end
return drawn
"""
_IN_HAND: Final = 1.0
"""Seconds that tokens which led to no attempt may be used later."""

_log: Final = structlog.stdlib.get_logger()


class Meter:
    """Draws tokens for lanes whose endpoints have a rate limit."""

    def __init__(self, redis: Redis | None, presence: Presence) -> None:
        self._redis: Final = redis
        self._presence: Final = presence
        self._rates: Final[dict[UUID, int]] = {}
        self._own: Final[dict[UUID, Bucket]] = {}
        self._in_hand: Final[dict[UUID, tuple[int, float]]] = {}

    def learn(self, lane: UUID, rate: int | None) -> None:
        """Keep the rate of a lane, as a claim found it; `None`: it has none."""
        if rate is not None:
            self._rates[lane] = rate
        elif lane in self._rates:
            del self._rates[lane]
            self._own.pop(lane, None)

    def __contains__(self, lane: UUID) -> bool:
        return lane in self._rates

    async def draw(self, wanted: Mapping[UUID, int]) -> dict[UUID, Draw]:
        """Draw up to so many tokens for each of these lanes, all of which have a rate."""
        held = {lane: self._take_in_hand(lane, count) for lane, count in wanted.items()}
        missing = {lane: count - held[lane] for lane, count in wanted.items() if count > held[lane]}
        drawn = await self._draw(missing) if missing else {}
        none = Draw(0, 0.0)
        return {lane: Draw(held[lane] + drawn.get(lane, none).granted, drawn.get(lane, none).wait) for lane in wanted}

    def give_back(self, lane: UUID, count: int) -> None:
        """Keep tokens in hand that led to no attempt."""
        if count > 0:
            self._in_hand[lane] = (count, clock.monotonic() + _IN_HAND)

    def _take_in_hand(self, lane: UUID, wanted: int) -> int:
        count, until = self._in_hand.pop(lane, (0, 0.0))
        if not count or clock.monotonic() > until:
            return 0
        if count > wanted:
            self._in_hand[lane] = (count - wanted, until)
        return min(count, wanted)

    async def _draw(self, wanted: Mapping[UUID, int]) -> dict[UUID, Draw]:
        if self._redis is None or self._presence.away:
            return self._draw_own(wanted)
        try:
            async with soon():
                return await self._draw_shared(self._redis, wanted)
        except REDIS_ERRORS as error:
            _log.warning("meter.alone", error=type(error).__name__)
            self._presence.lost()
            return self._draw_own(wanted)

    async def _draw_shared(self, redis: Redis, wanted: Mapping[UUID, int]) -> dict[UUID, Draw]:
        keys = [bucket_key(lane) for lane in wanted]
        numbers = [number for lane, count in wanted.items() for number in (self._rates[lane], count)]
        told = cast("list[int]", await redis.eval(_DRAW, len(keys), *keys, BURST, *numbers))
        return {lane: Draw(told[2 * i], told[2 * i + 1] / 1000) for i, lane in enumerate(wanted)}

    def _draw_own(self, wanted: Mapping[UUID, int]) -> dict[UUID, Draw]:
        found: dict[UUID, Draw] = {}
        for lane, count in wanted.items():
            share = self._rates[lane] / self._presence.processes
            self._own[lane], found[lane] = draw(self._own.get(lane), rate=share, wanted=count, now=clock.monotonic())
        return found
