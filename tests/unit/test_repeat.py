"""The loop around every background job: a turn, a pause, and again, whatever a turn raises of a store."""

import asyncio

import pytest

from workers import loop
from workers.loop import IDLE, Turn, repeat

HOUR = 3600.0


class Job:
    """Raises at its first turns; ends the loop at its last one."""

    def __init__(self, *first: Exception | Turn) -> None:
        self.stopping = asyncio.Event()
        self.turns = 0
        self._first = [*first]

    async def run_once(self) -> Turn:
        self.turns += 1
        if not self._first:
            self.stopping.set()
            return IDLE
        found = self._first.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def run(self) -> int:
        """Run to the end; return how many turns that took."""
        async with asyncio.timeout(60):
            await repeat("job", self.run_once, pause=HOUR, stopping=self.stopping)
        return self.turns


async def test_a_turn_that_failed_is_tried_again_long_before_its_pause_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "AGAIN", 0.01)

    assert await Job(ConnectionRefusedError(), TimeoutError()).run() == 3


async def test_a_turn_with_more_to_do_is_followed_at_once() -> None:
    assert await Job(Turn(worked=True), Turn(hurry=True)).run() == 3


async def test_what_is_no_fault_of_a_store_ends_the_loop() -> None:
    with pytest.raises(ZeroDivisionError):
        await Job(ZeroDivisionError()).run()
