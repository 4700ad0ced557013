"""Deadlines that share a timer end what `asyncio.timeout` would end."""

import asyncio

import pytest

from workers.delivery.deadlines import Deadlines


async def test_what_is_in_time_is_left_alone() -> None:
    deadlines, answered = Deadlines(), asyncio.Event()
    asyncio.get_running_loop().call_soon(answered.set)

    with deadlines.after(60):
        answer = await answered.wait()

    assert answer


async def test_what_is_late_ends_as_a_timeout() -> None:
    deadlines = Deadlines()

    with pytest.raises(TimeoutError), deadlines.after(0.01):
        await asyncio.Event().wait()


async def test_a_task_that_was_too_late_once_goes_on_as_any_other() -> None:
    deadlines = Deadlines()
    with pytest.raises(TimeoutError), deadlines.after(0):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError), deadlines.after(0.01):
        await asyncio.Event().wait()

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_from_elsewhere_is_no_timeout() -> None:
    deadlines, started = Deadlines(), asyncio.Event()

    async def wait() -> None:
        with deadlines.after(60):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await started.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_each_of_many_ends_at_its_own_time() -> None:
    deadlines, ended = Deadlines(), list[float]()

    async def wait(seconds: float) -> None:
        try:
            with deadlines.after(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(seconds)

    await asyncio.gather(*[wait(seconds) for seconds in (0.3, 0.0, 0.15)])

    assert ended == [0.0, 0.15, 0.3]


class Fails:
    """A deadline that raises."""

    def expire(self) -> None:
        """See `Expiring.expire`."""
        raise ZeroDivisionError


async def test_one_that_fails_does_not_keep_the_others_from_ending() -> None:
    deadlines, failures = Deadlines(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: failures.append(told["exception"]))
    deadlines.add(0.0, Fails())

    with pytest.raises(TimeoutError), deadlines.after(0):
        await asyncio.Event().wait()

    assert [type(one) for one in failures] == [ZeroDivisionError]
