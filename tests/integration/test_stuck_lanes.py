"""Lanes that somebody else holds: however many they are, the outcomes of the others are recorded meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from core.database import Database
from core.journal.record_queries import record_attempts
from core.lease.claim import Claimed
from core.model import tables
from core.model.ids import TenantId
from tests.support.claiming import DOWN, OK, claim, claim_one, recorded, recorder_at_work, settled
from tests.support.feeding import new_notices
from tests.support.rows import Rows
from workers.delivery.record import Recorder
from workers.delivery.writer import RecorderClosedError


@asynccontextmanager
async def held(database: Database, claimed: Sequence[Claimed]) -> AsyncGenerator[None]:
    """Hold the lanes of these deliveries, as a deliverer does that tells of them."""
    async with database.engine() as tx:
        await record_attempts(tx, settled=[settled(one, OK) for one in claimed])
        yield


async def of_lanes(database: Database, rows: Rows, tenant: TenantId, lanes: int, each: int) -> list[list[Claimed]]:
    """Claim so many deliveries of each of so many endpoints."""
    endpoints = [await rows.endpoint(tenant, max_in_flight=each) for _ in range(lanes)]
    return [list(await claim(database, *await rows.deliveries(each, tenant, one))) for one in endpoints]


async def test_what_is_told_of_one_lane_is_written_while_others_are_held_with_much_to_write(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    lanes = await of_lanes(database, rows, tenant, lanes=3, each=40)
    plain = await claim_one(database, await rows.delivery(tenant, await rows.endpoint(tenant)))
    last = await rows.delivery(tenant, await rows.endpoint(tenant))
    await rows.change(tables.deliveries, last, step=2)
    given_up = await claim_one(database, last)

    async with recorder_at_work(database) as recorder:
        async with held(database, [lane[0] for lane in lanes]):
            waiting = [asyncio.create_task(recorded(recorder, settled(one, OK))) for lane in lanes for one in lane[1:]]
            async with asyncio.timeout(15):
                await asyncio.create_task(recorded(recorder, settled(plain, OK)))  # by then they were found to be stuck
                await recorded(recorder, settled(given_up, DOWN))
            assert not any(one.done() for one in waiting)
        await asyncio.gather(*waiting)

    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 122}


async def test_many_lanes_that_are_held_keep_no_other_from_being_written_soon(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    lanes = await of_lanes(database, rows, tenant, lanes=60, each=2)
    other = await claim_one(database, await rows.delivery(tenant, await rows.endpoint(tenant)))

    async with recorder_at_work(database) as recorder:
        async with held(database, [lane[0] for lane in lanes]):
            waiting = [asyncio.create_task(recorded(recorder, settled(lane[1], OK))) for lane in lanes]
            async with asyncio.timeout(10):  # at 300 ms each it would take 18 s
                await asyncio.create_task(recorded(recorder, settled(other, OK)))  # behind all of them
            assert not any(one.done() for one in waiting)
        async with asyncio.timeout(10):
            await asyncio.gather(*waiting)

    assert await rows.one("SELECT count(*) AS n FROM attempts") == {"n": 121}


async def test_who_waits_for_a_lane_that_is_held_is_told_that_the_recorder_ends(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    (one, first), (other, last) = await of_lanes(database, rows, tenant, lanes=2, each=2)
    free = await claim_one(database, await rows.delivery(tenant, await rows.endpoint(tenant)))
    recorder = Recorder(database, lambda _: None, new_notices(database))
    running = asyncio.create_task(recorder.run())

    async with held(database, [one, other]):
        waiting = [asyncio.create_task(recorded(recorder, settled(stuck, OK))) for stuck in (first, free, last)]
        await waiting[1]
        running.cancel()
        async with asyncio.timeout(30):
            ended = await asyncio.gather(*waiting, return_exceptions=True)

    with suppress(asyncio.CancelledError):
        await running
    assert [type(one) for one in ended] == [RecorderClosedError, type(None), RecorderClosedError]
