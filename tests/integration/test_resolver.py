"""Look-ups at name servers that answer, fail and keep silent: what is asked, and what one can take from the others."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID, uuid4

import dns.rcode
import dns.resolver
import pytest

from core import name_channels
from core.resolver import LANE_SHARE, TENANT_SHARE, AresResolver, NameNotResolvedError
from tests.support.name_server import NameServer, Said
from tests.support.own_network import NoNetworkError, own_network
from tests.support.pulse import stopwatch
from tests.support.sending import LANE, OTHER_LANE

TENANT, OTHER_TENANT = UUID(int=3), UUID(int=4)
SILENT = Said(silent=True)
QUICK = "quick.hook.test"
FOUND = (IPv4Address("93.184.216.34"),)
PROMPT = 0.9
"""Seconds: less than a name server is given before it is asked again."""


@pytest.fixture
def names() -> Generator[NameServer]:
    """The only name server there is, in a network of its own."""
    servers = [str(server) for server in dns.resolver.Resolver().nameservers]
    try:
        with own_network(), NameServer(servers) as started:
            started.point(QUICK, *map(str, FOUND))
            yield started
    except NoNetworkError as error:
        pytest.skip(str(error))


@pytest.fixture
async def resolver(names: NameServer) -> AsyncGenerator[AresResolver]:
    """What is tested, in that network."""
    del names  # it has to be there first
    opened = AresResolver()
    yield opened
    await opened.aclose()


def waiting_for(
    resolver: AresResolver, names: NameServer, count: int, lane: UUID | None = None
) -> list[asyncio.Task[object]]:
    """Begin that many look-ups of silent names for the tenant, of one lane or each of its own."""
    for number in range(count):
        names.say(f"dead{number}.hook.test", SILENT)
    return [
        asyncio.create_task(resolver.resolve(f"dead{number}.hook.test", lane=lane or uuid4(), tenant=TENANT))
        for number in range(count)
    ]


async def asked(names: NameServer, count: int) -> set[str]:
    """Wait until that many names were asked for, and a while for one more, and return them."""
    assert await asyncio.to_thread(names.wait_for, count)
    await asyncio.to_thread(names.wait_for, count + 1, within=0.2)
    return set(names.asked)


async def test_both_families_are_found(names: NameServer, resolver: AresResolver) -> None:
    names.point("both.hook.test", "93.184.216.34", "2606:2800:220:1::1")

    found = await resolver.resolve("both.hook.test", lane=LANE, tenant=TENANT)

    assert set(found) == {IPv4Address("93.184.216.34"), IPv6Address("2606:2800:220:1::1")}


@pytest.mark.parametrize("host", ["nx.hook.test", "a..hook.test", "empty.hook.test", "broken.hook.test"])
async def test_a_name_without_an_address_does_not_resolve(names: NameServer, resolver: AresResolver, host: str) -> None:
    names.say("empty.hook.test", Said())
    names.say("broken.hook.test", Said(rcode=dns.rcode.SERVFAIL))

    with pytest.raises(NameNotResolvedError):
        await resolver.resolve(host, lane=LANE, tenant=TENANT)


async def test_no_search_domain_is_tried(
    names: NameServer, resolver: AresResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "search.test")

    with pytest.raises(NameNotResolvedError):
        await resolver.resolve("nx.hook.test", lane=LANE, tenant=TENANT)

    assert set(names.asked) == {"nx.hook.test"}


@pytest.mark.parametrize(("ttl", "times"), [(60, 2), (0, 4)])
async def test_an_answer_is_kept_for_as_long_as_it_says(
    names: NameServer, resolver: AresResolver, ttl: int, times: int
) -> None:
    names.say("kept.hook.test", Said(("93.184.216.34", "2606:2800:220:1::1"), ttl=ttl))
    await resolver.resolve("kept.hook.test", lane=LANE, tenant=TENANT)

    await resolver.resolve("kept.hook.test", lane=OTHER_LANE, tenant=TENANT)

    assert names.asked == ["kept.hook.test"] * times


async def test_a_name_that_takes_a_second_is_found_at_a_name_server_that_is_quick_else(
    names: NameServer, resolver: AresResolver
) -> None:
    for number in range(20):
        names.point(f"quick{number}.hook.test", "93.184.216.34")
        await resolver.resolve(f"quick{number}.hook.test", lane=LANE, tenant=TENANT)
    names.say("far.hook.test", Said(("93.184.216.34",), late=1.0))

    found = await resolver.resolve("far.hook.test", lane=LANE, tenant=TENANT)

    assert found == FOUND


async def test_a_name_that_had_no_address_for_a_moment_is_found_again(
    names: NameServer, resolver: AresResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.say("gap.hook.test", Said(ttl=3600))
    with pytest.raises(NameNotResolvedError):
        await resolver.resolve("gap.hook.test", lane=LANE, tenant=TENANT)
    names.point("gap.hook.test", "93.184.216.34")
    monkeypatch.setattr(name_channels, "_FRESH", 0.0)  # as if a second had passed

    found = await resolver.resolve("gap.hook.test", lane=LANE, tenant=TENANT)

    assert found == FOUND


async def test_a_name_without_data_is_asked_for_once_a_second(names: NameServer, resolver: AresResolver) -> None:
    names.say("empty.hook.test", Said())
    for _ in range(3):
        with pytest.raises(NameNotResolvedError):
            await resolver.resolve("empty.hook.test", lane=LANE, tenant=TENANT)

    assert len(names.asked) <= 4  # for both families, twice where the test takes long


async def test_what_is_under_way_outlives_the_channel_it_was_asked_by(
    names: NameServer, resolver: AresResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_channels, "_FRESH", 0.0)
    names.say("empty.hook.test", Said())
    names.say("far.hook.test", Said(("93.184.216.34",), late=0.2))
    far = asyncio.create_task(resolver.resolve("far.hook.test", lane=LANE, tenant=TENANT))
    assert await asyncio.to_thread(names.wait_for, 1)
    with pytest.raises(NameNotResolvedError):
        await resolver.resolve("empty.hook.test", lane=LANE, tenant=TENANT)

    assert await far == FOUND


async def test_hundreds_of_silent_names_of_one_tenant_hold_up_nobody_else(
    names: NameServer, resolver: AresResolver
) -> None:
    stuck = waiting_for(resolver, names, 500)
    await asked(names, TENANT_SHARE)

    with stopwatch() as spent:
        found = await resolver.resolve(QUICK, lane=OTHER_LANE, tenant=OTHER_TENANT)
        assert spent() < PROMPT

    assert found == FOUND
    assert [task.done() for task in stuck] == [False] * 500


async def test_a_tenant_asks_for_so_many_names_at_once(names: NameServer, resolver: AresResolver) -> None:
    waiting_for(resolver, names, TENANT_SHARE + 10)

    assert len(await asked(names, TENANT_SHARE)) == TENANT_SHARE


async def test_a_lane_asks_for_so_many_names_at_once(names: NameServer, resolver: AresResolver) -> None:
    waiting_for(resolver, names, LANE_SHARE + 10, LANE)

    assert len(await asked(names, LANE_SHARE)) == LANE_SHARE


async def test_a_look_up_that_is_given_up_keeps_its_place_until_it_ends(
    names: NameServer, resolver: AresResolver
) -> None:
    given_up = waiting_for(resolver, names, LANE_SHARE, LANE)
    await asked(names, LANE_SHARE)
    _ = [task.cancel() for task in given_up]
    await asyncio.gather(*given_up, return_exceptions=True)

    asyncio.create_task(resolver.resolve(QUICK, lane=LANE, tenant=TENANT)).add_done_callback(lambda _: None)

    assert QUICK not in await asked(names, LANE_SHARE)


async def test_a_resolver_that_is_closed_gives_up_what_is_under_way(names: NameServer) -> None:
    resolver = AresResolver()
    (stuck,) = waiting_for(resolver, names, 1)
    await asked(names, 1)

    await resolver.aclose()

    with pytest.raises(NameNotResolvedError):
        await stuck
