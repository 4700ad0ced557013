"""A token bucket: so many per second, smoothly, a tenth of a second's worth at once."""

from dataclasses import dataclass
from typing import Final

BURST: Final = 0.1
"""Seconds whose tokens may be taken at once: no second sees more than its rate and a tenth."""
_ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many tokens there were at a time, in the caller's seconds."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Draw:
    """What was granted, and after how many seconds there is the next token; 0 if there is one."""

    granted: int
    wait: float


def burst_of(rate: float) -> float:
    """Return how many tokens a bucket of so many per second holds: one at the least."""
    return max(1.0, rate * BURST)


def draw(bucket: Bucket | None, *, rate: float, wanted: int, now: float) -> tuple[Bucket, Draw]:
    """Take up to `wanted` tokens; a new bucket is full."""
    tokens = burst_of(rate)
    if bucket is not None:
        tokens = min(tokens, bucket.tokens + max(0.0, now - bucket.at) * rate)
    granted = min(wanted, int(tokens + _ROUNDING))
    left = tokens - granted
    return Bucket(left, now), Draw(granted, max(0.0, (1 - left) / rate) if left < 1 - _ROUNDING else 0.0)
