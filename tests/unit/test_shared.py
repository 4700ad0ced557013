"""Shared commits: whoever waits too long is refused, and not recorded behind their back."""

import asyncio
from collections.abc import Sequence

import pytest

from core.intake.shared import Shared
from core.model.errors import UnavailableError


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
    shared = Shared[str, str](Store().take, within=0.25)

    with pytest.raises(UnavailableError):
        await shared.add("first")


async def test_an_item_that_was_refused_while_it_waited_is_not_recorded() -> None:
    store = Store()
    shared = Shared[str, str](store.take, within=0.25)
    first = asyncio.create_task(shared.add("first"))
    await store.begun.wait()

    refused = await asyncio.gather(first, shared.add("second"), return_exceptions=True)

    store.open.set()
    assert [type(one) for one in refused] == [UnavailableError, UnavailableError]
    assert await shared.add("third") == "third"
    assert store.taken == ["first", "third"]


async def test_who_was_refused_is_told_once_and_others_in_time() -> None:
    store = Store()
    shared = Shared[str, str](store.take, within=0.25)
    first = asyncio.create_task(shared.add("first"))
    await asyncio.wait([first])

    second = asyncio.create_task(shared.add("second"))
    await asyncio.wait([second])

    store.open.set()
    assert [type(one.exception()) for one in (first, second)] == [UnavailableError, UnavailableError]
    assert await shared.add("third") == "third"
