"""The recorder: outcomes go in batches, and none holds up another."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.intake.notices import Notices
from core.journal.record import Recorded
from core.journal.record_queries import record_attempts
from core.model import tables
from core.model.errors import UnavailableError
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.outcome import Response
from core.model.queued import Queued
from tests.support.claiming import DOWN, OK, claim, claim_one, recorded, recorder_at_work, settled
from tests.support.feeding import new_notices
from tests.support.rows import Rows
from workers.delivery.record import MOST_TELLING, TELLING, Recorder
from workers.delivery.writer import RecorderClosedError

TOO_LARGE = structs.replace(OK, response=Response(200, (), bytes(16_385), truncated=False))


class Recording:
    """A recorder at work, and what it said is due again."""

    def __init__(self, database: Database) -> None:
        self.due: list[Queued] = []
        self.recorder = Recorder(database, self._take, new_notices(database))

    def _take(self, due: Sequence[Queued]) -> None:
        self.due += due


@asynccontextmanager
async def recording_with(recorder: Recorder) -> AsyncGenerator[Recorder]:
    """Run a recorder."""
    running = asyncio.create_task(recorder.run())
    yield recorder
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.fixture
async def recording(database: Database) -> AsyncGenerator[Recording]:
    """A recorder that runs until the test ends."""
    made = Recording(database)
    async with recording_with(made.recorder):
        yield made


async def test_an_outcome_is_committed_when_its_record_returns(
    database: Database, rows: Rows, recording: Recording, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)

    await recorded(recording.recorder, settled(claimed, OK))

    assert [one["outcome"] for one in await rows.attempts(delivery)] == ["succeeded"]


async def test_what_is_due_again_is_handed_on(database: Database, recording: Recording, delivery: DeliveryId) -> None:
    claimed = await claim_one(database, delivery)

    await recorded(recording.recorder, settled(claimed, structs.replace(DOWN, note="reconnect")))

    assert [one.delivery_id for one in recording.due] == [delivery]


async def test_a_delivery_that_is_given_up_is_told_with_its_record(
    database: Database, rows: Rows, recording: Recording, tenant: TenantId, delivery: DeliveryId
) -> None:
    listener = await rows.endpoint(tenant, event_types=["delivery.exhausted"])
    await rows.change(tables.deliveries, delivery, step=2)
    claimed = await claim_one(database, delivery)

    await recorded(recording.recorder, settled(claimed, DOWN))

    told = await rows.one("SELECT endpoint_id, published_until FROM deliveries WHERE event_type = 'delivery.exhausted'")
    assert told == {"endpoint_id": listener, "published_until": None}


async def test_a_thousand_outcomes_at_once_are_all_recorded(
    database: Database, rows: Rows, recording: Recording, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=1000)
    claimed = await claim(database, *await rows.deliveries(1000, tenant, endpoint))

    await asyncio.gather(*(recorded(recording.recorder, settled(one, OK)) for one in claimed))

    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 1000}


async def test_two_outcomes_of_one_delivery_at_once_are_both_recorded(
    database: Database, rows: Rows, recording: Recording, delivery: DeliveryId
) -> None:
    first = settled(await claim_one(database, delivery), DOWN)
    second = structs.replace(first, claim=2, number=2)

    await asyncio.gather(recorded(recording.recorder, first), recorded(recording.recorder, second))

    assert [one["number"] for one in await rows.attempts(delivery)] == [1, 2]


@dataclass(frozen=True, slots=True)
class Overtaken(Notices):
    """Says once that filters change faster than they are judged."""

    refused: list[Recorded] = field(default_factory=list[Recorded])

    async def tell(self, tx: AsyncConnection, recorded: Recorded) -> None:
        if not self.refused:
            self.refused.append(recorded)
            raise UnavailableError
        await Notices.tell(self, tx, recorded)


async def test_filters_that_change_too_fast_delay_what_they_are_asked_of(
    database: Database, rows: Rows, tenant: TenantId, delivery: DeliveryId
) -> None:
    await rows.endpoint(tenant, event_types=["delivery.exhausted"])
    await rows.change(tables.deliveries, delivery, step=2)
    known = new_notices(database)
    async with recording_with(
        Recorder(database, lambda _: None, Overtaken(database, known.ring, known.settings))
    ) as one:
        await recorded(one, settled(await claim_one(database, delivery), DOWN))

    assert await rows.one("SELECT count(*) AS n FROM deliveries WHERE event_type = 'delivery.exhausted'") == {"n": 1}


@dataclass(frozen=True, slots=True)
class Slow(Notices):
    """Takes as long as the test wants."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def tell(self, tx: AsyncConnection, recorded: Recorded) -> None:
        self.entered.set()
        await self.go_on.wait()
        await Notices.tell(self, tx, recorded)


async def test_an_event_that_takes_long_to_write_holds_up_no_other_endpoints_outcome(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    given_up, same = await rows.deliveries(2, tenant, endpoint)
    other = await rows.delivery(tenant, await rows.endpoint(tenant, url="https://other.example/"))
    await rows.change(tables.deliveries, given_up, step=2)
    claimed = {one.delivery_id: one for one in await claim(database, given_up, same, other)}
    known = new_notices(database)
    slow = Slow(database, known.ring, known.settings)

    async with recording_with(Recorder(database, lambda _: None, slow)) as recorder:
        telling = asyncio.create_task(recorded(recorder, settled(claimed[given_up], DOWN)))
        await slow.entered.wait()
        beside = asyncio.create_task(recorded(recorder, settled(claimed[same], OK)))
        async with asyncio.timeout(30):
            await recorded(recorder, settled(claimed[other], OK))
        assert not telling.done()
        assert not beside.done()
        slow.go_on.set()
        await asyncio.gather(telling, beside)

    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 3}


async def test_a_lane_that_somebody_else_holds_keeps_no_other_from_being_written(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    held = await rows.endpoint(tenant, max_in_flight=200)
    first, *stuck = await claim(database, *await rows.deliveries(121, tenant, held))
    other = await claim_one(database, await rows.delivery(tenant, await rows.endpoint(tenant)))

    async with recorder_at_work(database) as recorder:
        async with database.engine() as tx:
            await record_attempts(tx, settled=[settled(first, OK)])
            waiting = [asyncio.create_task(recorded(recorder, settled(one, OK))) for one in stuck]
            async with asyncio.timeout(30):  # one after the other they would take longer
                await recorded(recorder, settled(other, OK))
            assert not any(one.done() for one in waiting)
        await asyncio.gather(*waiting)

    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 122}


async def test_a_delivery_that_somebody_else_holds_keeps_no_other_of_its_lane_from_being_written(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    held, *others = await claim(database, *await rows.deliveries(5, tenant, endpoint))

    async with recorder_at_work(database) as recorder:
        async with database.engine() as tx:
            await tx.execute(select(tables.deliveries.c.id).filter_by(id=held.delivery_id).with_for_update())
            waiting = asyncio.create_task(recorded(recorder, settled(held, OK)))
            async with asyncio.timeout(30):
                await asyncio.gather(*(recorded(recorder, settled(one, OK)) for one in others))
            assert not waiting.done()
        await waiting

    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 5}


async def test_what_may_be_told_of_is_written_in_larger_batches_while_that_is_quick(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=300)
    made = await rows.deliveries(300, tenant, endpoint)
    await rows.all("UPDATE deliveries SET step = 2 RETURNING id")
    claimed = await claim(database, *made)
    sizes = list[int]()
    recorder = Recorder(database, lambda _: None, new_notices(database), told=lambda batch: sizes.append(len(batch)))

    async with recording_with(recorder):
        await asyncio.gather(*(recorded(recorder, settled(one, DOWN)) for one in claimed))

    assert sizes[:3] == [TELLING, 2 * TELLING, MOST_TELLING]
    assert sum(sizes) == 300


async def test_who_fails_as_it_is_told_keeps_it_from_nobody_else(
    database: Database, rows: Rows, recording: Recording, tenant: TenantId, endpoint: EndpointId
) -> None:
    first, second = await claim(database, *await rows.deliveries(2, tenant, endpoint))

    def fail(_: object) -> None:
        raise KeyError(first.delivery_id)

    recording.recorder.put(settled(first, OK), fail)
    await recorded(recording.recorder, settled(second, OK))

    assert [len(await rows.attempts(one.delivery_id)) for one in (first, second)] == [1, 1]


async def test_one_bad_row_does_not_hold_up_the_others(
    database: Database, rows: Rows, recording: Recording, tenant: TenantId, endpoint: EndpointId
) -> None:
    claimed = await claim(database, *await rows.deliveries(5, tenant, endpoint))
    outcomes = [OK, OK, TOO_LARGE, OK, OK]

    async with asyncio.timeout(60):
        done = await asyncio.gather(
            *(recorded(recording.recorder, settled(one, o)) for one, o in zip(claimed, outcomes, strict=True)),
            return_exceptions=True,
        )

    assert [one is None for one in done] == [True, True, False, True, True]
    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 4}


async def test_a_bad_row_leaves_its_lease_to_the_feeder(
    database: Database, rows: Rows, recording: Recording, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)

    with pytest.raises(Exception, match="attempts_response_body"):
        async with asyncio.timeout(60):
            await recorded(recording.recorder, settled(claimed, TOO_LARGE))

    assert await rows.one("SELECT lease_until IS NOT NULL AS leased FROM deliveries") == {"leased": True}


async def test_a_recorder_that_ends_lets_nobody_wait_for_ever(database: Database, delivery: DeliveryId) -> None:
    recorder = Recorder(database, _break, new_notices(database))
    running = asyncio.create_task(recorder.run())
    claimed = await claim_one(database, delivery)

    with pytest.raises(RecorderClosedError):
        await recorded(recorder, settled(claimed, OK))

    with pytest.raises(ZeroDivisionError):
        await running
    with pytest.raises(RecorderClosedError):
        await recorded(recorder, settled(claimed, OK))


def _break(_due: Sequence[Queued]) -> None:
    raise ZeroDivisionError
