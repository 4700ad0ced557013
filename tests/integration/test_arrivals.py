"""Many who wait for something to pull: as many look as there is something for, a few at a time; nobody is missed."""

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace

import pytest

from api.arrivals import AT_ONCE, LONGEST_REST
from core import clock
from core.database import Database
from core.model import tables
from core.model.ids import EndpointId, TenantId
from tests.support.crowds import Crowd
from tests.support.pull_rings import new_queue
from tests.support.rows import Rows
from tests.support.samples import ago

MANY = 40


@pytest.fixture
async def crowd(database: Database) -> AsyncGenerator[Crowd]:
    """Nobody yet."""
    made = Crowd(database)
    yield made
    await made.disperse()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that can be put forward."""
    true, moved = clock.monotonic, SimpleNamespace(by=0.0)
    monkeypatch.setattr(clock, "monotonic", lambda: true() + moved.by)
    return moved


async def test_of_many_who_wait_as_many_look_as_there_is_something_for(
    crowd: Crowd, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await crowd.join(tenant, queue, 3)
    await crowd.join(tenant, queue, MANY)
    made = await rows.deliveries(3, tenant, queue)

    await crowd.tick()

    assert (len(crowd.pulls.looks), crowd.pulls.most <= AT_ONCE) == (3, True)
    assert sorted(one for found in crowd.answers().values() for one in found) == sorted(made)
    assert sorted(crowd.answers()) == [0, 1, 2]  # those who waited longest


async def test_no_more_look_at_once_than_leaves_room_for_others(
    crowd: Crowd, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await crowd.join(tenant, queue, MANY)
    await rows.deliveries(MANY, tenant, queue)

    await crowd.tick()

    assert (len(crowd.pulls.looks), crowd.pulls.most) == (MANY, AT_ONCE)
    assert [len(found) for found in crowd.answers().values()] == [1] * MANY


@pytest.mark.parametrize("bars", [{"status": "paused"}, {"max_in_flight": 1}], ids=["paused", "in flight"])
async def test_many_who_wait_for_what_may_not_go_hardly_look(
    crowd: Crowd, rows: Rows, tenant: TenantId, queue: EndpointId, bars: dict[str, object]
) -> None:
    await rows.change(tables.endpoints, queue, **bars)
    await rows.delivery(tenant, queue, lease_until=ago(-60), claim=1, attempt_count=1)
    await crowd.join(tenant, queue, MANY)
    await rows.deliveries(MANY, tenant, queue)

    await crowd.tick()
    await crowd.tick()
    await crowd.tick()

    assert 1 <= len(crowd.pulls.looks) <= AT_ONCE


async def test_what_may_go_again_is_handed_out_after_the_rest_at_the_latest(
    crowd: Crowd, rows: Rows, tenant: TenantId, queue: EndpointId, now: SimpleNamespace
) -> None:
    await rows.change(tables.endpoints, queue, status="paused")
    await crowd.join(tenant, queue, MANY)
    made = await rows.deliveries(1, tenant, queue)
    await crowd.tick()
    await rows.change(tables.endpoints, queue, status="enabled")

    now.by += LONGEST_REST
    await crowd.tick()

    assert list(crowd.answers().values()) == [made]


async def test_what_comes_after_somebody_came_too_late_waits_for_no_rest(
    crowd: Crowd, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await crowd.join(tenant, queue, MANY)
    await rows.deliveries(2, tenant, queue, keys=1)
    await rows.change(tables.endpoints, queue, ordering="fifo")  # one of them may go
    await crowd.tick()
    await rows.deliveries(1, tenant, queue)

    await crowd.tick()

    assert len(crowd.answers()) == 2


async def test_one_who_hung_up_keeps_nothing_from_the_next(
    crowd: Crowd, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await crowd.join(tenant, queue, MANY, left=True)
    await crowd.join(tenant, queue)
    made = await rows.deliveries(1, tenant, queue)

    await crowd.tick()

    assert crowd.answers()[MANY] == made


async def test_who_is_not_called_waits_as_long_as_it_said_and_no_longer(
    crowd: Crowd, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await crowd.join(tenant, queue, AT_ONCE)
    await crowd.join(tenant, queue, wait=0.2)
    await rows.deliveries(MANY, tenant, queue)
    crowd.pulls.may_look.clear()
    await crowd.tick()

    await asyncio.wait(crowd.waiting, timeout=5, return_when=asyncio.FIRST_COMPLETED)

    assert crowd.answers() == {AT_ONCE: []}


async def test_who_waits_for_one_of_many_endpoints_holds_up_no_other_tenant(
    monkeypatch: pytest.MonkeyPatch, rows: Rows, tenant: TenantId
) -> None:
    monkeypatch.setattr("api.arrivals.AT_ONCE", 1)
    crowd, other = Crowd(rows.database), await rows.tenant()
    theirs = [await new_queue(rows, tenant) for _ in range(5)]
    own = await new_queue(rows, other)
    await asyncio.gather(*[crowd.join(tenant, lane) for lane in theirs], crowd.join(other, own))
    await asyncio.gather(*[rows.deliveries(1, tenant, lane) for lane in theirs], rows.deliveries(1, other, own))

    await crowd.tick()
    await crowd.disperse()

    assert len(crowd.pulls.looks) == len([*theirs, own])
    assert own in crowd.pulls.looks[:2]
