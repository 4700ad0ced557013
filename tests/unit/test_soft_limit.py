"""Celery's soft time limit, a signal, in a task's own code and in an event loop that it waits for."""

import asyncio
import os
import signal
from collections.abc import Callable, Generator

import pytest
import uvloop
from billiard.exceptions import SoftTimeLimitExceeded

from workers.soft_limit import SoftLimit


def tell() -> None:
    os.kill(os.getpid(), signal.SIGUSR1)


def fail_after_telling() -> None:
    tell()
    message = "its own"
    raise ValueError(message)


async def tell_in_a_loop() -> str:
    """Have the signal come in the midst, as it does to whoever waits for a store."""
    loop = asyncio.get_running_loop()
    later: asyncio.Future[str] = loop.create_future()
    loop.call_soon(tell)
    loop.call_later(0.01, later.set_result, "done")
    return await later


@pytest.fixture
def limit() -> Generator[SoftLimit]:
    """One that listens."""
    before = signal.getsignal(signal.SIGUSR1)
    made = SoftLimit()
    made.listen()
    yield made
    signal.signal(signal.SIGUSR1, before)


def test_the_tasks_own_code_is_told_at_once(limit: SoftLimit) -> None:
    with limit.told(), pytest.raises(SoftTimeLimitExceeded):
        tell()


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_what_comes_while_a_loop_runs_is_told_after_it(
    limit: SoftLimit, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    done: list[str] = []
    with (
        asyncio.Runner(loop_factory=loop) as runner,
        limit.told(),
        pytest.raises(SoftTimeLimitExceeded),
        limit.held_back(),
    ):
        done.append(runner.run(tell_in_a_loop()))

    assert done == ["done"]


def test_it_is_told_once(limit: SoftLimit) -> None:
    with limit.told():
        with pytest.raises(SoftTimeLimitExceeded), limit.held_back():
            tell()

        with limit.held_back():
            done = True

    assert done


def test_while_a_run_is_recorded_nothing_is_raised(limit: SoftLimit) -> None:
    with limit.held_back():
        tell()

    tell()


def test_what_a_task_raises_itself_goes_first_and_the_limit_is_told_the_next_time(limit: SoftLimit) -> None:
    with limit.told():
        with pytest.raises(ValueError, match="its own"), limit.held_back():
            fail_after_telling()

        with pytest.raises(SoftTimeLimitExceeded), limit.held_back():
            pass


def test_a_new_run_hears_nothing_of_the_one_before(limit: SoftLimit) -> None:
    tell()
    limit.listen()

    with limit.told(), limit.held_back():
        heard = False

    assert not heard
