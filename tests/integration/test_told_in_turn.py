"""Outcomes of which events follow: those of one tenant keep no other's from being recorded."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from core.database import Database
from core.journal.record import Settled
from core.lease.claim import Claimed
from core.model.ids import TenantId
from tests.support.claiming import DOWN, claim, recorded, settled
from tests.support.feeding import new_notices
from tests.support.rows import Rows
from workers.delivery import turns
from workers.delivery.record import TELLING, Recorder


async def given_up(database: Database, rows: Rows, tenant: TenantId, count: int) -> list[Claimed]:
    """Claim so many deliveries of a tenant, each with its last attempt to come."""
    endpoint = await rows.endpoint(tenant, max_in_flight=count)
    made = await rows.deliveries(count, tenant, endpoint)
    await rows.all("UPDATE deliveries SET step = 2 RETURNING id")
    return list(await claim(database, *made))


async def batches(database: Database, outcomes: Sequence[Claimed]) -> list[list[TenantId]]:
    """Record outcomes that all wait at once; return whose were in each batch."""
    made = list[list[TenantId]]()

    def told(batch: Sequence[Settled]) -> None:
        made.append([TenantId(one.tenant_id) for one in batch])

    recorder = Recorder(database, lambda _: None, new_notices(database), told=told)
    waiting = [asyncio.create_task(recorded(recorder, settled(one, DOWN))) for one in outcomes]
    running = asyncio.create_task(recorder.run())
    await asyncio.gather(*waiting)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return made


async def test_one_of_another_tenant_is_written_with_the_first_of_many(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    other = await rows.tenant()
    many = await given_up(database, rows, tenant, 3 * TELLING)
    (one,) = await given_up(database, rows, other, 1)

    written = await batches(database, [*many, one])

    assert [other in batch for batch in written] == [True, *[False] * (len(written) - 1)]
    assert sum(map(len, written)) == len(many) + 1


async def test_those_of_whom_a_batch_was_slow_are_written_apart(
    database: Database, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "QUICK", 0)
    other = await rows.tenant()
    outcomes = [one for of in (tenant, other) for one in await given_up(database, rows, of, 2 * TELLING)]

    written = await batches(database, outcomes)

    assert [len(set(batch)) for batch in written] == [2, *[1] * (len(written) - 1)]
    assert {batch[0] for batch in written[1:3]} == {tenant, other}
    assert max(map(len, written)) == TELLING
