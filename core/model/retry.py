"""When a failed delivery is tried again."""

from typing import Final

DEFAULT_SCHEDULE: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER: Final = 0.2  # up to a fifth is added, never taken away


def delay_after(step: int, schedule: tuple[int, ...], draw: float) -> float | None:
    """Return the seconds to wait after the attempt at `step` failed, or `None` when the schedule is used up.

    `step` counts from 0; `draw` is a random number in [0, 1).
    """
    if step >= len(schedule):
        return None
    return schedule[step] * (1 + JITTER * draw)
