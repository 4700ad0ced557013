"""Shared commits: whoever waits too long is refused, and not recorded behind their back; nobody harms another."""

import asyncio
from collections.abc import Sequence

import pytest

from core import clock
from core.intake import shared
from core.intake.shared import SLOW, Shared
from core.model.errors import UnavailableError
from tests.support.turns import answer_after, stand_still


class Store:
    """Takes groups while it is open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.begun = asyncio.Event()
        self.taken: list[str] = []

    async def take(self, group: Sequence[str]) -> Sequence[str]:
        """Take a group, once it is open."""
        self.begun.set()
        await self.open.wait()
        self.taken += group
        return group


async def test_an_item_whose_commit_takes_too_long_is_refused() -> None:
    queue = Shared[str, str](Store().take, within=0.25)

    with pytest.raises(UnavailableError):
        await queue.add("first")


async def test_who_waits_while_the_process_stands_still_is_told_what_came_meanwhile() -> None:
    begun = asyncio.Event()

    async def work(group: Sequence[str]) -> Sequence[str]:
        begun.set()
        await answer_after(5)
        return group

    queue = Shared[str, str](work, within=0.05)
    adding = asyncio.create_task(queue.add("first"))
    await begun.wait()
    stand_still(shared.STOOD_STILL + 0.1)

    assert await adding == "first"


async def test_an_item_that_was_refused_while_it_waited_is_not_recorded() -> None:
    store = Store()
    queue = Shared[str, str](store.take, within=0.25)
    first = asyncio.create_task(queue.add("first"))
    await store.begun.wait()

    refused = await asyncio.gather(first, queue.add("second"), return_exceptions=True)

    store.open.set()
    assert [type(one) for one in refused] == [UnavailableError, UnavailableError]
    assert await queue.add("third") == "third"
    assert store.taken == ["first", "third"]


async def test_who_was_refused_is_told_once_and_others_in_time() -> None:
    store = Store()
    queue = Shared[str, str](store.take, within=0.25)
    first = asyncio.create_task(queue.add("first"))
    await asyncio.wait([first])

    second = asyncio.create_task(queue.add("second"))
    await asyncio.wait([second])

    store.open.set()
    assert [type(one.exception()) for one in (first, second)] == [UnavailableError, UnavailableError]
    assert await queue.add("third") == "third"


class Deaf:
    """Somebody who cannot be told anything."""

    def done(self) -> bool:
        """Wait for ever."""
        return False

    def set_result(self, _: str, /) -> None:
        """Fail."""
        raise ConnectionError

    def set_exception(self, error: Exception, /) -> None:
        """Fail."""
        raise ConnectionError from error


async def echo(group: Sequence[str]) -> Sequence[str]:
    return group


async def fail(_: Sequence[str]) -> Sequence[str]:
    raise LookupError


async def test_one_who_cannot_be_told_keeps_the_result_from_nobody() -> None:
    queue = Shared[str, str](echo)
    queue.put("deaf", Deaf())

    told = await asyncio.gather(queue.add("beside"), queue.add("last"))

    assert told == ["beside", "last"]
    assert await queue.add("later") == "later"


async def test_one_who_cannot_be_told_keeps_an_error_from_nobody() -> None:
    queue = Shared[str, str](fail)
    queue.put("deaf", Deaf())

    told = await asyncio.gather(queue.add("beside"), return_exceptions=True)

    assert [type(one) for one in told] == [LookupError]
    with pytest.raises(LookupError):
        await queue.add("later")


async def test_one_who_cannot_be_refused_keeps_the_refusal_from_nobody() -> None:
    queue = Shared[str, str](Store().take, within=0.25)
    queue.put("deaf", Deaf())

    refused = await asyncio.gather(queue.add("beside"), return_exceptions=True)

    assert [type(one) for one in refused] == [UnavailableError]
    with pytest.raises(UnavailableError):
        await queue.add("later")


async def test_a_group_that_is_given_too_few_answers_is_told_of_it() -> None:
    async def forget(group: Sequence[str]) -> Sequence[str]:
        return group[:-1]

    queue = Shared[str, str](forget)

    told = await asyncio.gather(queue.add("first"), queue.add("last"), return_exceptions=True)

    assert [type(one) for one in told] == [str, ValueError]


class Gate(Store):
    """Takes a group at once, unless "slow" is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.names: list[str] = []

    async def take(self, group: Sequence[str]) -> Sequence[str]:
        """Take a group, a slow one once the gate is open."""
        self.sizes.append(len(group))
        self.names += group
        return await super().take(group) if "slow" in group else group


async def after_it_was_slow() -> None:
    """Wait until the timer of a group that has begun has run."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * SLOW, passed.set)
    await passed.wait()


async def test_whoever_comes_once_a_group_is_slow_does_not_wait_for_it() -> None:
    gate = Gate()
    queue = Shared[str, str](gate.take, flushers=2)
    slow = asyncio.create_task(queue.add("slow"))
    await gate.begun.wait()
    await after_it_was_slow()

    quick = await queue.add("quick")

    assert (quick, slow.done()) == ("quick", False)
    gate.open.set()
    assert await slow == "slow"


async def test_after_a_slow_group_whoever_comes_meanwhile_shares_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    of_two = Shared[str, str](gate.take, flushers=2)
    slow = asyncio.create_task(of_two.add("slow"))
    await gate.begun.wait()
    await after_it_was_slow()
    gate.open.set()
    await slow
    gate.open.clear()
    gate.begun.clear()
    monkeypatch.setattr(shared, "SLOW", 60.0)

    running = asyncio.create_task(of_two.add("slow"))
    await gate.begun.wait()
    beside = [asyncio.create_task(of_two.add("second"))]
    await asyncio.to_thread(int)
    beside.append(asyncio.create_task(of_two.add("third")))
    await asyncio.to_thread(int)

    gate.open.set()
    assert await asyncio.gather(running, *beside) == ["slow", "second", "third"]
    assert gate.sizes == [1, 1, 2]


async def test_queues_that_share_a_turn_take_one_item_each() -> None:
    gate, turn = Gate(), asyncio.Lock()
    first, other = (Shared[str, str](gate.take, size=1, turn=turn) for _ in range(2))
    adds = [asyncio.create_task(first.add("slow"))]
    await gate.begun.wait()

    adds += [asyncio.create_task(first.add(name)) for name in ("first 2", "first 3")]
    adds += [asyncio.create_task(other.add(name)) for name in ("other 1", "other 2")]
    await asyncio.to_thread(int)
    gate.open.set()
    await asyncio.gather(*adds)

    assert gate.names == ["slow", "other 1", "first 2", "other 2", "first 3"]


async def test_what_cannot_be_done_in_time_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: at[0])
    gate = Gate()
    queue = Shared[str, str](gate.take, size=1, turn=asyncio.Lock(), within=60.0)
    slow = asyncio.create_task(queue.add("slow"))
    await gate.begun.wait()
    at[0] = 1.0
    late = asyncio.create_task(queue.add("has 11 s left of the 50 that the first one took"))
    await asyncio.to_thread(int)
    at[0] = 50.0
    fresh = asyncio.create_task(queue.add("has 60 s left"))
    await asyncio.to_thread(int)

    gate.open.set()

    assert (await slow, await fresh) == ("slow", "has 60 s left")
    with pytest.raises(UnavailableError):
        await late
    assert gate.names == ["slow", "has 60 s left"]
