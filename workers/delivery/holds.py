"""Which lanes are held: by their breaker, or because their receiver asked for a pause.

What every deliverer counts and decides goes to Redis twice a second, and comes back from there; in between, and while
Redis is away, a deliverer goes by what it has seen itself. The rules are those of `core/model/breaker.py`.

```
outcome ──► count(lane) ──► flush: add to the last 60 s in Redis ──► opens? ──► hold ──► all deliverers
        └─► success closes, a failed probe doubles: at once here, with the next flush elsewhere
```
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from core.journal.held import HOLDS, hold_text, read_hold
from core.lease.presence import REDIS_ERRORS, Presence, soon
from core.model.breaker import WINDOW, Hold, after, is_over, opened, opens, paused, room

SLOT: Final = 5
"""Seconds whose attempts are counted together."""
_PROBE: Final = 60
"""Seconds after which another probe may go, should the first one's process die."""

# Adds attempts of lanes to the present slot, and returns the sums of those that had a failure. KEYS are the slots of
# the window, the present one first.
_COUNT: Final = """
local told = {}
for _, row in ipairs(cmsgpack.unpack(ARGV[1])) do
    local lane, succeeded, failed = row[1], row[2], row[3]
    if succeeded > 0 then redis.call('HINCRBY', KEYS[1], lane .. '+', succeeded) end
    if failed > 0 then
        redis.call('HINCRBY', KEYS[1], lane .. '-', failed)
        local sums = {0, 0}
        for _, slot in ipairs(KEYS) do
            for i, count in ipairs(redis.call('HMGET', slot, lane .. '+', lane .. '-')) do
                sums[i] = sums[i] + (tonumber(count or 0) or 0)
            end
        end
        told[#told + 1] = {lane, sums[1], sums[2]}
    end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return cmsgpack.pack(told)
"""
Counts = dict[UUID, list[int]]
"""Of each lane how many attempts succeeded, and how many failed."""

_log: Final = structlog.stdlib.get_logger()


class Holds:
    """The lanes that are held, as far as this process knows; `unix_seconds` is a clock that all deliverers share."""

    def __init__(self, presence: Presence, unix_seconds: Callable[[], float]) -> None:
        self._presence: Final = presence
        self._now: Final = unix_seconds
        self._holds: dict[UUID, Hold] = {}
        self._changed: dict[UUID, Hold | None] = {}
        self._forgotten: set[UUID] = set()
        """Lanes whose breaker was closed: what they failed before does not open it again."""
        self._counts: Counts = {}
        self._alone: Final[dict[int, Counts]] = {}
        """What this process has counted while Redis is away, by slot."""
        self._kept: Final = _Kept()
        self._swept = 0
        """In which slot those that are over were last looked for."""

    @property
    def any(self) -> bool:
        """Whether any lane is held at all."""
        return bool(self._holds)

    def room(self, lane: UUID) -> int | None:
        """Return how many of a lane may be under way at once: none, one probe, or any number (`None`)."""
        return room(self._holds.get(lane), self._now()) if self._holds else None

    def seconds_left(self, lane: UUID) -> float:
        """Return for how many seconds a lane is held still."""
        hold = self._holds.get(lane)
        return 0.0 if hold is None else max(0.0, hold.until - self._now())

    def rooms(self) -> dict[UUID, int]:
        """Return the lanes that may not send freely, each with how many may be under way."""
        now = self._now()
        found = {lane: room(hold, now) for lane, hold in self._holds.items()}
        return {lane: count for lane, count in found.items() if count is not None}

    def count(self, lane: UUID, *, succeeded: bool, seconds: float) -> None:
        """Count an attempt that took so many seconds, and act on what it means for an open breaker."""
        counts = self._counts.setdefault(lane, [0, 0])
        counts[0 if succeeded else 1] += 1
        hold = self._holds.get(lane)
        if hold is not None:
            now = self._now()
            self._set(lane, after(hold, succeeded=succeeded, started=now - seconds, now=now))

    def pause(self, lane: UUID, seconds: float) -> None:
        """Hold a lane because its receiver asked for it."""
        self._set(lane, paused(self._holds.get(lane), seconds, self._now()))

    async def take_probes(self, lanes: Collection[UUID]) -> set[UUID]:
        """Return of which lanes this process may send the one probe of an open breaker."""
        redis = self._presence.redis
        if redis is None or self._presence.away or not lanes:
            return set(lanes)
        try:
            async with soon(), redis.pipeline(transaction=False) as pipeline:
                for lane in lanes:
                    pipeline.set(_probe(lane), 1, nx=True, ex=_PROBE)
                taken = await pipeline.execute()
        except REDIS_ERRORS:
            self._presence.lost()
            return set(lanes)
        return {lane for lane, mine in zip(lanes, taken, strict=True) if mine}

    def drop_probe(self, lane: UUID) -> None:
        """Let another probe go: this one led to no attempt."""
        if hold := self._holds.get(lane):
            self._changed[lane] = hold

    async def flush(self) -> None:
        """Share what was counted and decided, learn what others did, and open what has to be opened."""
        if await self._turn() and not self._presence.away:
            await self._turn()  # the others hear at once of what has opened

    async def _turn(self) -> bool:
        """Exchange once; tell whether that opened any breaker."""
        counts, self._counts = self._counts, {}
        changed, self._changed = self._changed, {}
        now = self._now()
        try:
            sums = await self._share(counts, changed, now)
        except REDIS_ERRORS as error:
            _log.warning("holds.alone", error=type(error).__name__)
            self._presence.lost()
            self._changed = changed | self._changed
            sums = self._count_alone(counts, now)
        self._sweep(now)
        found = [
            lane for lane, (good, bad) in sums.items() if opens(good, bad) and not _is_broken(self._holds.get(lane))
        ]
        for lane in found:
            _log.info("breaker.opened", lane=str(lane), succeeded=sums[lane][0], failed=sums[lane][1])
            self._set(lane, opened(now))
        return bool(found)

    def _sweep(self, now: float) -> None:
        slot, swept = int(now) // SLOT, self._swept
        if slot == swept:  # what is over holds nothing, and may lie a while: there may be many to look at
            return
        self._swept = slot
        for lane in [lane for lane, hold in self._holds.items() if is_over(hold, now)]:
            self._set(lane, None)

    def _set(self, lane: UUID, hold: Hold | None) -> None:
        before = self._holds.get(lane)
        if hold == before:
            return
        self._changed[lane] = hold
        if hold is not None:
            self._holds[lane] = hold
            return
        del self._holds[lane]
        if _is_broken(before):
            self._forgotten.add(lane)
            self._counts.pop(lane, None)
            for slot in self._alone.values():
                slot.pop(lane, None)

    async def _share(self, counts: Counts, changed: Mapping[UUID, Hold | None], now: float) -> Mapping[UUID, list[int]]:
        redis = self._presence.redis
        if redis is None:
            self._changed, self._forgotten = {}, set()
            return self._count_alone(counts, now)
        forgotten, self._forgotten = self._forgotten, set()
        news = _News(counts, changed, forgotten)
        async with soon():
            sums, deliverers, kept = await _exchange(redis, self._presence, news, now)
        self._presence.heard(deliverers)
        holds = self._kept.read(kept)
        self._alone.clear()
        for lane, hold in self._changed.items():  # decided while Redis answered
            if hold is None:
                holds.pop(lane, None)
            else:
                holds[lane] = hold
        self._holds = holds
        return sums

    def _count_alone(self, counts: Counts, now: float) -> Mapping[UUID, list[int]]:
        present = int(now) // SLOT
        slot = self._alone.setdefault(present, {})
        for lane, (succeeded, failed) in counts.items():
            had = slot.setdefault(lane, [0, 0])
            slot[lane] = [had[0] + succeeded, had[1] + failed]
        for old in [one for one in self._alone if one < present - WINDOW // SLOT]:
            del self._alone[old]
        failing = [lane for lane, (_, failed) in counts.items() if failed]
        return {lane: [sum(of.get(lane, (0, 0))[i] for of in self._alone.values()) for i in (0, 1)] for lane in failing}


class _Kept:
    """The holds that Redis keeps; only what has changed since the last time is decoded.

    Tens of thousands of lanes may be held for an hour, and all are read twice a second.
    """

    def __init__(self) -> None:
        self._texts: dict[bytes, bytes] = {}
        self._holds: Final[dict[UUID, Hold]] = {}

    def read(self, texts: dict[bytes, bytes]) -> dict[UUID, Hold]:
        """Return what these say, in a dictionary of the caller's own."""
        for lane, text in texts.items():
            if self._texts.get(lane) != text:
                self._holds[UUID(lane.decode())] = read_hold(text)
        for lane in self._texts.keys() - texts.keys():
            del self._holds[UUID(lane.decode())]
        self._texts = texts
        return self._holds.copy()


@dataclass(frozen=True, slots=True)
class _News:
    counts: Counts
    changed: Mapping[UUID, Hold | None]
    forgotten: set[UUID]

    def tell(self, pipeline: Pipeline, slots: Sequence[str]) -> None:
        for lane, hold in self.changed.items():
            pipeline.delete(_probe(lane))
            if hold is None:
                pipeline.hdel(HOLDS, lane.hex)
            else:
                pipeline.hset(HOLDS, lane.hex, hold_text(hold))
        for lane in self.forgotten:
            for slot in slots:
                pipeline.hdel(slot, f"{lane.hex}+", f"{lane.hex}-")
        rows = [(lane.hex, *count) for lane, count in self.counts.items()]
        pipeline.eval(_COUNT, len(slots), *slots, msgspec.msgpack.encode(rows), WINDOW + 2 * SLOT)


async def _exchange(
    redis: Redis, presence: Presence, news: _News, now: float
) -> tuple[dict[UUID, list[int]], object, dict[bytes, bytes]]:
    slots = [f"ringback:attempts:{int(now) // SLOT - back}" for back in range(WINDOW // SLOT + 1)]
    async with redis.pipeline(transaction=False) as pipeline:
        news.tell(pipeline, slots)
        presence.say(pipeline, now)
        pipeline.hgetall(HOLDS)
        *_, told, _added, _gone, deliverers, holds = cast("list[object]", await pipeline.execute())
    sums = msgspec.msgpack.decode(cast("bytes", told), type=list[tuple[str, int, int]])
    return {UUID(lane): [good, bad] for lane, good, bad in sums}, deliverers, cast("dict[bytes, bytes]", holds)


def _probe(lane: UUID) -> str:
    return f"ringback:probe:{lane.hex}"


def _is_broken(hold: Hold | None) -> bool:
    return hold is not None and hold.broken
