"""A random mix: rounds of three faults each, one upon another, chosen by the seed."""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from tests.chaos.rounds import Fault, Scene, SkippedError

AT_ONCE: Final = 3
LONG: Final = frozenset({"F6b", "F13", "F17", "F17b", "F18", "F21", "F22"})
"""Faults that take half a minute or more: at most one of them in a round."""


def mixed(faults: Sequence[Fault], seed: int) -> Iterator[Fault]:
    """Yield rounds without end, always the same for a seed."""
    draw = random.Random(seed)
    number = 0
    short = [fault for fault in faults if fault.number not in LONG]
    while True:
        number += 1
        chosen = [*draw.sample(short, AT_ONCE - 1), draw.choice(faults)]
        draw.shuffle(chosen)
        name = ", ".join(fault.number for fault in chosen)
        yield Fault(
            f"mix{number}", name, _Acts(chosen), "", "P1 to P14", rest_within=max(one.rest_within for one in chosen)
        )


class _Acts:
    def __init__(self, chosen: Sequence[Fault]) -> None:
        self._chosen: Final = chosen

    def __call__(self, scene: Scene) -> None:
        """Do one after another, without a rest in between."""
        for fault in self._chosen:
            try:
                fault.act(scene)
            except SkippedError:
                continue
