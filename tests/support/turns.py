"""What a loop goes through: its turns, and seconds in which nothing lets it run."""

from collections.abc import Generator

from core import clock


def stand_still(seconds: float) -> None:
    """Keep the loop's thread busy, as a machine does that is given to somebody else."""
    until = clock.monotonic() + seconds
    while clock.monotonic() < until:
        pass


class Turn:
    """A turn of the loop."""

    def __await__(self) -> Generator[None]:
        yield


async def answer_after(turns: int, *, still: float = 0) -> str:
    """Stand still, and take some turns of the loop after it."""
    await Turn()
    stand_still(still)
    for _ in range(turns):
        await Turn()
    return "there"
