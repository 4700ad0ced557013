import asyncio
from collections.abc import Generator
from contextlib import suppress

import pytest

from core import clock, patience
from core.patience import came, end_all, within


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


async def test_an_answer_is_given_on() -> None:
    assert await within(1, answer_after(1)) == "there"


async def test_seconds_in_which_the_process_stood_still_do_not_count() -> None:
    assert await within(0.1, answer_after(5, still=0.3)) == "there"


async def test_what_says_nothing_is_given_up() -> None:
    ended = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        await within(0.02, hang())
    async with asyncio.timeout(5):
        await ended.wait()


async def test_what_will_not_end_is_not_waited_for() -> None:
    over = asyncio.Event()

    async def stay() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await over.wait()

    with pytest.raises(TimeoutError):
        await within(0.02, stay())
    over.set()


async def test_an_error_is_raised() -> None:
    async def fail() -> None:
        raise KeyError("k")

    with pytest.raises(KeyError):
        await within(1, fail())


async def test_who_is_cancelled_takes_its_work_along() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(within(5, hang()))
    await begun.wait()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        await ended.wait()


async def test_an_event_that_comes_is_told_from_one_that_does_not() -> None:
    event = asyncio.Event()

    without = await came(event, 0.01)
    event.set()

    assert (without, await came(event, 5), await came(event, 0)) == (False, True, True)


async def test_a_cancellation_that_comes_with_an_event_is_not_swallowed() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(came(event, 5))
    await Turn()

    event.set()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_AGAIN", 0.01)
    asked, hung = list[str](), asyncio.Event()

    async def swallow() -> None:
        with suppress(asyncio.CancelledError):
            await hung.wait()
        asked.append("once")
        await hung.wait()

    going = [asyncio.create_task(swallow()), asyncio.create_task(swallow())]
    await Turn()
    await end_all(*going)

    assert ([task.cancelled() for task in going], asked) == ([True, True], ["once", "once"])


async def test_a_task_that_failed_has_ended(recwarn: pytest.WarningsRecorder) -> None:
    async def fail() -> None:
        raise KeyError("k")

    failed = asyncio.create_task(fail())
    await Turn()
    await end_all(failed)

    assert failed.done()
    assert not recwarn.list
