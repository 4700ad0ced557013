"""Reads that many ask for at once."""

import asyncio
import gc
from collections.abc import Sequence

import pytest

from core.flights import Flights


class Reads:
    """Reads that end when the test says so; each gives its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.ends: list[asyncio.Future[None]] = []
        self.flights = Flights[int]()

    async def read(self) -> int:
        self.begun += 1
        number, end = self.begun, asyncio.get_running_loop().create_future()
        self.ends.append(end)
        await end
        return number

    def ask(self, times: int, key: str = "a") -> list[asyncio.Task[int]]:
        return [asyncio.create_task(self.flights.share(key, self.read)) for _ in range(times)]

    async def end(self, number: int, error: Exception | None = None) -> None:
        """End a read once it has begun."""
        while self.begun < number:
            await turn()
        if error is None:
            self.ends[number - 1].set_result(None)
        else:
            self.ends[number - 1].set_exception(error)


async def turn() -> None:
    """Let everything that can go on do so."""
    for _ in range(5):
        await asyncio.get_running_loop().run_in_executor(None, int)


async def numbers(asked: Sequence[asyncio.Task[int]]) -> list[int]:
    return await asyncio.gather(*asked)


async def test_those_who_ask_at_once_share_a_read() -> None:
    reads = Reads()
    asked = reads.ask(100)

    await reads.end(1)

    assert await numbers(asked) == [1] * 100


async def test_who_asks_while_a_read_is_under_way_gets_one_that_began_later() -> None:
    reads = Reads()
    first = reads.ask(1)
    await turn()

    later = reads.ask(100)
    await turn()
    await reads.end(1)
    await reads.end(2)

    assert (await numbers(first), await numbers(later)) == ([1], [2] * 100)


async def test_reads_of_different_things_do_not_wait_for_each_other() -> None:
    reads = Reads()
    waiting = reads.ask(1, "a")
    await turn()

    other = reads.ask(1, "b")
    await reads.end(2)

    assert await numbers(other) == [2]
    await reads.end(1)
    assert await numbers(waiting) == [1]


async def test_an_error_reaches_all_who_share_it_and_none_after_them() -> None:
    reads = Reads()
    failed = reads.ask(2)
    await reads.end(1, OSError("away"))
    told = await asyncio.gather(*failed, return_exceptions=True)

    again = reads.ask(1)
    await reads.end(2)

    assert [type(error) for error in told] == [OSError, OSError]
    assert await numbers(again) == [2]


async def test_who_leaves_takes_nothing_from_the_others() -> None:
    reads = Reads()
    leaves, stays = reads.ask(2)
    await turn()

    leaves.cancel()
    await turn()
    await reads.end(1)

    assert await stays == 1
    with pytest.raises(asyncio.CancelledError):
        await leaves


async def test_an_error_that_nobody_waits_for_any_more_is_not_logged() -> None:
    logged = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    reads = Reads()
    left = reads.ask(1)
    await turn()

    left.pop().cancel()
    await turn()
    await reads.end(1, OSError("away"))
    await turn()
    reads.ends.clear()
    gc.collect()

    assert logged == []


async def test_nothing_is_kept_once_it_is_answered() -> None:
    reads = Reads()
    first = reads.ask(1)
    await reads.end(1)
    await numbers(first)

    second = reads.ask(1)
    await reads.end(2)

    assert await numbers(second) == [2]
