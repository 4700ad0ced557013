"""What Redis knows of lanes that may not send: their breakers and pauses, and their buckets.

The deliverers write it (`workers/delivery/holds.py`, `core/lease/meter.py`); the API reads it to say why a
delivery waits. While Redis is away nothing is said.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, cast
from uuid import UUID

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.model.breaker import Hold, room
from core.model.bucket import Bucket, draw
from core.model.states import WaitingFor

HOLDS: Final = "ringback:holds"
"""A hash: lane → until when (Unix seconds), and for how long its breaker holds it."""
PATIENCE: Final = 0.25

_log: Final = structlog.stdlib.get_logger()


def bucket_key(lane: UUID) -> str:
    """Return where the bucket of a lane is kept: its tokens, and when it had them, in milliseconds."""
    return f"ringback:rate:{lane}"


def hold_text(hold: Hold) -> str:
    """Return a hold as the hash keeps it."""
    return msgspec.json.encode((hold.until, hold.length)).decode()


def read_hold(kept: bytes) -> Hold:
    """Return the hold that the hash keeps."""
    until, length = msgspec.json.decode(kept, type=tuple[float, float])
    return Hold(until, length)


async def read_held(redis: Redis, rates: Mapping[UUID, int | None]) -> dict[UUID, WaitingFor]:
    """Return for what each of these lanes waits, if for any of this; `rates` are their limits per second."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _read(redis, rates)
    except (RedisError, OSError, TimeoutError) as error:
        _log.warning("held.unavailable", error=type(error).__name__)
        return {}


async def _read(redis: Redis, rates: Mapping[UUID, int | None]) -> dict[UUID, WaitingFor]:
    lanes = list(rates)
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.time()  # pyright: ignore[reportUnknownMemberType] - untyped options
        pipeline.hmget(HOLDS, [lane.hex for lane in lanes])
        pipeline.mget([bucket_key(lane) for lane in lanes])
        told = cast("Sequence[Sequence[object]]", await pipeline.execute())
    (seconds, micros), holds, buckets = told
    now = cast("int", seconds) + cast("int", micros) / 1_000_000
    found: dict[UUID, WaitingFor] = {}
    for lane, hold, bucket in zip(lanes, holds, buckets, strict=True):
        why = _held(hold, now) or _dry(bucket, rates[lane], now)
        if why is not None:
            found[lane] = why
    return found


def _held(kept: object, now: float) -> WaitingFor | None:
    if not isinstance(kept, bytes):
        return None
    hold = read_hold(kept)
    if room(hold, now) is None:
        return None
    return WaitingFor.BREAKER if hold.broken else WaitingFor.RETRY_AFTER


def _dry(kept: object, rate: int | None, now: float) -> WaitingFor | None:
    if rate is None or not isinstance(kept, bytes):
        return None
    tokens, at = kept.split()
    _, drawn = draw(Bucket(float(tokens), float(at) / 1000), rate=rate, wanted=1, now=now)
    return None if drawn.granted else WaitingFor.RATE_LIMIT
