"""Arithmetic of results: percentiles and summaries."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

PERCENTS: Final = (50.0, 99.0, 99.9)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` % of them do not exceed (nearest rank, no interpolation).

    Raises:
        ValueError: there is none, or `percent` is not over 0 and at most 100.
    """
    if not ordered or not 0 < percent <= 100:  # noqa: PLR2004 - a hundred per cent
        raise ValueError(f"the {percent} % of {len(ordered)} values")
    return ordered[max(1, ceil(len(ordered) * percent / 100 - 1e-9)) - 1]


def latencies(seconds: Sequence[float], percents: Sequence[float] = PERCENTS) -> dict[str, float]:
    """Return percentiles and the largest, in milliseconds; nothing of nothing."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    found = {f"p{percent:g}_ms".replace(".", ""): percentile(ordered, percent) for percent in percents} | {
        "max_ms": ordered[-1]
    }
    return {name: round(value * 1000, 3) for name, value in found.items()}


def per_thousand(spent: Mapping[str, float], count: int) -> dict[str, float]:
    """Return CPU milliseconds per 1,000 of `count`, of each process and in all; `spent` is in seconds."""
    costs = {name: round(seconds * 1_000_000 / count, 1) for name, seconds in sorted(spent.items()) if seconds > 0}
    return costs | {"all": round(sum(spent.values()) * 1_000_000 / count, 1)}
