"""Many who pull at once: a few of a tenant look, and what they do not find is looked for no more than it has to be."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from api import first_looks
from api.first_looks import AT_ONCE, FirstLooks
from core.lease.claim import Puller
from core.model.ids import EndpointId, TenantId
from tests.support.turns import Turn

MANY = 40
TENANT = TenantId(UUID(int=1))
WHO = Puller(TENANT, None, EndpointId(UUID(int=2)))


class Store:
    """What there is to find; a look ends when it is allowed to."""

    def __init__(self, found: Sequence[int], *, may_end: bool = True) -> None:
        self.found = found
        self.looks = 0
        self.under_way = 0
        self.most = 0
        self.may_end = asyncio.Event()
        if may_end:
            self.may_end.set()

    async def look(self) -> Sequence[int]:
        """Take a look."""
        self.looks += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        found = self.found
        await Turn()
        await self.may_end.wait()
        self.under_way -= 1
        return found


async def looked(store: Store, *of: Puller) -> list[Sequence[int]]:
    """Have all of these look at once."""
    looks = FirstLooks()
    return await asyncio.gather(*[looks.look(who, 0, store.look) for who in of])


async def test_of_many_who_find_nothing_few_look() -> None:
    store = Store([])

    found = await looked(store, *[WHO] * MANY)

    assert [len(one) for one in found] == [0] * MANY
    assert store.looks <= 2 * AT_ONCE


async def test_where_there_is_something_each_looks_a_few_at_a_time() -> None:
    store = Store([1])

    found = await looked(store, *[WHO] * MANY)

    assert (found, store.looks, store.most) == ([[1]] * MANY, MANY, AT_ONCE)


async def test_what_another_one_did_not_find_says_nothing_of_other_endpoints_and_owners() -> None:
    others = [Puller(TENANT, None, EndpointId(uuid4())), Puller(TENANT, "a", WHO.endpoint_id)]
    store = Store([])

    await looked(store, *[WHO] * AT_ONCE, *others)

    assert store.looks == AT_ONCE + len(others)


async def test_other_tenants_wait_for_none_of_it() -> None:
    others = [Puller(TenantId(uuid4()), None, WHO.endpoint_id) for _ in range(MANY)]
    store = Store([1])

    await looked(store, *others)

    assert store.most == MANY


async def test_nobody_is_told_what_was_looked_for_before_it_asked() -> None:
    store, looks = Store([], may_end=False), FirstLooks()
    early = [asyncio.create_task(looks.look(WHO, 0, store.look)) for _ in range(AT_ONCE)]
    await Turn()
    late = asyncio.create_task(looks.look(WHO, 0, store.look))
    await Turn()
    store.found = [1]
    store.may_end.set()

    assert [await one for one in early] == [[]] * AT_ONCE
    assert await late == [1]


async def test_who_waits_too_long_for_its_turn_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_looks, "CONNECT_TIMEOUT", 0.05)
    store, looks = Store([], may_end=False), FirstLooks()
    early = [asyncio.create_task(looks.look(WHO, 0, store.look)) for _ in range(AT_ONCE)]
    await Turn()

    with pytest.raises(TimeoutError):
        await looks.look(WHO, 0, store.look)

    store.may_end.set()
    assert len(await asyncio.gather(*early)) == AT_ONCE
