"""Look-ups in threads: what fails, and what one lane can take from the others."""

import asyncio
import threading
from ipaddress import IPv4Address

import pytest

from core.model.addresses import Address
from core.resolver import LANE_SHARE, NameNotResolvedError, ThreadResolver
from tests.support.sending import LANE, OTHER_LANE

FOUND: tuple[Address, ...] = (IPv4Address("93.184.216.34"),)


async def test_a_name_that_no_server_can_be_asked_for_does_not_resolve() -> None:
    resolver = ThreadResolver()

    with pytest.raises(NameNotResolvedError):
        await resolver.resolve("a..example.test", lane=LANE)

    await resolver.aclose()


async def test_a_lane_whose_look_ups_hang_leaves_room_for_the_others() -> None:
    answered = threading.Event()

    def look_up(host: str) -> tuple[Address, ...]:
        return FOUND if host == "quick.example.test" or answered.wait(5) else ()

    resolver = ThreadResolver(look_up)
    stuck = [asyncio.create_task(resolver.resolve("dead.example.test", lane=LANE)) for _ in range(100)]

    found = await resolver.resolve("quick.example.test", lane=OTHER_LANE)

    answered.set()
    assert found == FOUND
    assert await asyncio.gather(*stuck) == [FOUND] * 100
    await resolver.aclose()


async def test_a_look_up_that_is_given_up_keeps_its_place_in_the_lane_until_it_ends() -> None:
    asked = threading.Semaphore(0)
    answered = threading.Event()

    def look_up(_: str) -> tuple[Address, ...]:
        asked.release()
        answered.wait(5)
        return FOUND

    resolver = ThreadResolver(look_up)
    given_up = [asyncio.create_task(resolver.resolve("dead.example.test", lane=LANE)) for _ in range(LANE_SHARE)]
    await asyncio.to_thread(lambda: [asked.acquire(timeout=5) for _ in range(LANE_SHARE)])
    _ = [task.cancel() for task in given_up]
    waiting = asyncio.create_task(resolver.resolve("next.example.test", lane=LANE))
    await asyncio.gather(*given_up, return_exceptions=True)

    begun = await asyncio.to_thread(asked.acquire, timeout=0.2)

    answered.set()
    assert not begun
    assert await waiting == FOUND
    await resolver.aclose()
