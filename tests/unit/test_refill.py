"""Lanes that have run dry, and what is asked for them."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from core.model.queued import Queued
from tests.support.turns import Turn
from workers.delivery import refill
from workers.delivery.lanes import Lanes
from workers.delivery.refill import ROWS, Refills

ACME = uuid4()


class Store:
    """Finds so many of each lane, once it may answer, and breaks before that; notes what it was asked for."""

    def __init__(self, *errors: Exception, found: int = 1) -> None:
        self.asked: list[dict[UUID, int]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._errors = list(errors)
        self._found = found

    async def due(self, rooms: Mapping[UUID, int]) -> Sequence[Queued]:
        self.asked.append(dict(rooms))
        await self.may_answer.wait()
        if self._errors:
            raise self._errors.pop(0)
        return [Queued(uuid4(), lane, ACME) for lane in rooms for _ in range(self._found)]

    async def was_asked(self, times: int) -> None:
        async with asyncio.timeout(60):
            while len(self.asked) < times:
                await Turn()


class Fetched:
    """Lanes that are refilled from a store."""

    def __init__(self, store: Store) -> None:
        self.lanes = Lanes(50, bound=4_000)
        self.brought = asyncio.Event()
        self.refills = Refills(store.due, self.lanes, self.brought.set)

    def run_dry(self) -> UUID:
        """Return a lane with a cap of one that has sent all that was known of it, and may have more."""
        lane = uuid4()
        self.lanes.offer([Queued(uuid4(), lane, ACME, more=True)])
        self.lanes.take(1)
        self.lanes.learn(lane, 1)
        self.lanes.release(lane)
        return lane

    def knows(self, lane: UUID) -> bool:
        """Tell whether a lane's cap is still known: one that is new takes as many as the default allows."""
        self.lanes.offer([Queued(uuid4(), lane, ACME) for _ in range(3)])
        return len(self.lanes.take(3)) == 1

    async def come(self) -> None:
        async with asyncio.timeout(60):
            await self.brought.wait()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def fetched(store: Store) -> Fetched:
    return Fetched(store)


async def test_lanes_that_run_dry_together_are_asked_for_together(store: Store, fetched: Fetched) -> None:
    rooms = {uuid4(): 100, uuid4(): 20}

    _ = [fetched.refills.want(lane, room) for lane, room in rooms.items()]
    await fetched.come()

    assert store.asked == [rooms]
    assert {one.lane for one in fetched.lanes.take(10)} == set(rooms)


async def test_a_lane_that_is_wanted_twice_is_asked_for_once(store: Store, fetched: Fetched) -> None:
    lane = uuid4()

    _ = [fetched.refills.want(lane, room) for room in (20, 100, 50)]
    await fetched.come()

    assert store.asked == [{lane: 100}]


async def test_no_statement_asks_for_more_than_its_rows(store: Store, fetched: Fetched) -> None:
    rooms = {uuid4(): 300 for _ in range(10)} | {uuid4(): ROWS + 1}

    _ = [fetched.refills.want(lane, room) for lane, room in rooms.items()]
    await store.was_asked(5)
    await fetched.refills.end()

    assert {lane for asked in store.asked for lane in asked} == set(rooms)
    assert [sum(asked.values()) for asked in store.asked] == [900, 900, 900, 300, ROWS + 1]


async def test_what_runs_dry_meanwhile_does_not_wait_for_it(store: Store, fetched: Fetched) -> None:
    store.may_answer.clear()
    first, second = uuid4(), uuid4()

    fetched.refills.want(first, 5)
    await store.was_asked(1)
    fetched.refills.want(second, 5)
    await store.was_asked(2)
    store.may_answer.set()
    await fetched.refills.end()

    assert store.asked == [{first: 5}, {second: 5}]


async def test_a_store_that_was_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refill, "AGAIN_AFTER", 0.01)
    fetched = Fetched(store := Store(ConnectionRefusedError()))

    with capture_logs() as logs:
        fetched.refills.want(lane := uuid4(), 5)
        await fetched.come()

    assert (store.asked, len(fetched.lanes.take(10))) == ([{lane: 5}, {lane: 5}], 1)
    assert [(log["event"], log["lanes"], log["error"]) for log in logs] == [
        ("refill.failed", 1, "ConnectionRefusedError")
    ]


async def test_the_end_does_not_wait_for_a_store_that_is_away() -> None:
    fetched = Fetched(store := Store(ConnectionRefusedError()))
    fetched.refills.want(lane := uuid4(), 5)
    await store.was_asked(1)

    await fetched.refills.end()
    await Turn()

    assert store.asked == [{lane: 5}]


async def test_a_mistake_is_told_and_leaves_the_lane_to_the_feeder() -> None:
    fetched = Fetched(store := Store(KeyError("what nobody thought of")))

    with capture_logs() as logs:
        fetched.refills.want(lane := fetched.run_dry(), 5)
        await fetched.come()

    assert (store.asked, fetched.knows(lane)) == ([{lane: 5}], False)
    assert [(log["event"], log["log_level"]) for log in logs] == [("refill.broken", "error")]


@pytest.mark.parametrize(("found", "known"), [(0, False), (1, True)])
async def test_a_lane_that_has_no_more_is_forgotten(found: int, *, known: bool) -> None:
    fetched = Fetched(Store(found=found))
    lane = fetched.run_dry()

    fetched.refills.want(lane, 5)
    await fetched.come()

    assert fetched.knows(lane) is known


async def test_the_end_waits_for_what_is_fetched_and_begins_nothing(store: Store, fetched: Fetched) -> None:
    store.may_answer.clear()
    fetched.refills.want(lane := uuid4(), 5)
    await store.was_asked(1)

    ending = asyncio.create_task(fetched.refills.end())
    await Turn()
    before = ending.done()
    fetched.refills.want(uuid4(), 5)
    await Turn()
    store.may_answer.set()
    await ending

    assert not before
    assert store.asked == [{lane: 5}]
