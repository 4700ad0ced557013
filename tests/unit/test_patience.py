import asyncio
import gc
from contextlib import suppress

import pytest

from core import patience
from core.patience import came, end_all, within
from tests.support.turns import Turn, answer_after


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
    async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
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


async def test_a_task_that_failed_has_ended_and_nothing_more_is_told_of_it() -> None:
    told = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))

    async def fail() -> None:
        raise KeyError("k")

    failed = asyncio.create_task(fail())
    await Turn()
    await end_all(failed)
    del failed
    gc.collect()

    assert told == []
