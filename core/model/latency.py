"""Latencies as a histogram with fixed bounds: small to keep, exact to add up, and good to a fifth to read.

```
slot    0     1       2      3           31
     ──────┬─────┬────────┬─────┬─ … ─┬────────
bound      1   1.41       2   2.83  32,768 ms
```
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

BOUNDS: Final = tuple(round(2 ** (n / 2), 3) for n in range(31))
"""Milliseconds, each √2 times the one before: the slot above the last holds what outlived every timeout."""

SLOTS: Final = len(BOUNDS) + 1


def slot_of(milliseconds: float) -> int:
    """Return the slot of a latency: the first one whose upper bound lies above it."""
    return bisect_right(BOUNDS, milliseconds)


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Return the latency (ms) that this share, in (0, 1], of those counted did not exceed; `None` of none.

    Within a slot it is interpolated, so that it lies less than a factor of √2 from the truth.
    """
    wanted = share * sum(counts)
    below = 0
    for slot, count in enumerate(counts):
        if count > 0 and below + count >= wanted:
            low, high = _edges(slot)
            return round(low + (high - low) * (wanted - below) / count, 1)
        below += count
    return None


def _edges(slot: int) -> tuple[float, float]:
    return BOUNDS[slot - 1] if slot else 0.0, BOUNDS[min(slot, len(BOUNDS) - 1)]
