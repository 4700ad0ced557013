"""What waits for an endpoint is withdrawn in batches, beside deliverers that go on."""

import asyncio

import pytest

from core.database import Database
from core.intake.withdraw import START, Withdrawals
from core.intake.withdraw_queries import Wanted, withdraw_batch
from core.model.ids import EndpointId, TenantId
from tests.support.claiming import DOWN, claim, record, settled
from tests.support.rows import Rows

BY_STATE = """
SELECT status, reason, count(*)::INTEGER AS number FROM deliveries WHERE lane = :lane GROUP BY 1, 2 ORDER BY 1
"""


async def states(rows: Rows, endpoint_id: EndpointId) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in await rows.all(BY_STATE, lane=endpoint_id)]


@pytest.fixture
async def place(rows: Rows) -> tuple[TenantId, EndpointId]:
    """An endpoint of some tenant."""
    tenant_id = await rows.tenant()
    return tenant_id, await rows.endpoint(tenant_id)


@pytest.mark.parametrize("batch", [1, 3, 10, 11])
async def test_all_that_waits_is_withdrawn_whatever_a_batch_holds(
    database: Database, rows: Rows, place: tuple[TenantId, EndpointId], batch: int
) -> None:
    await rows.deliveries(10, *place)

    cancelled = await Withdrawals(database, batch=batch).withdraw(place[0], None, place[1], before=None, event_types=())

    assert cancelled == 10
    assert await states(rows, place[1]) == [("cancelled", "client", 10)]


async def test_what_is_not_wanted_is_passed_over_once(
    database: Database, rows: Rows, place: tuple[TenantId, EndpointId]
) -> None:
    await rows.deliveries(5, *place)
    await rows.delivery(*place, event_type="a.b")

    cancelled = await Withdrawals(database, batch=2).withdraw(
        place[0], None, place[1], before=None, event_types=["a.*"]
    )

    assert cancelled == 1
    assert await states(rows, place[1]) == [("cancelled", "client", 1), ("pending", None, 5)]


async def test_what_is_on_the_wire_meanwhile_ends_and_is_recorded(
    database: Database, rows: Rows, place: tuple[TenantId, EndpointId]
) -> None:
    made = await rows.deliveries(40, *place)
    withdrawals = Withdrawals(database, batch=5)

    claimed, cancelled = await asyncio.gather(
        claim(database, *made[20:]),
        withdrawals.withdraw(place[0], None, place[1], before=None, event_types=()),
    )

    assert len(claimed) + cancelled == 40
    await record(database, *(settled(one, DOWN) for one in claimed))
    assert {status for status, *_ in await states(rows, place[1])} <= {"cancelled", "retrying"}


async def test_the_statement_minds_whose_the_endpoint_is(
    database: Database, rows: Rows, place: tuple[TenantId, EndpointId]
) -> None:
    await rows.deliveries(3, *place)
    other = await rows.tenant()

    async with database.engine() as tx:
        batch = await withdraw_batch(tx, tenant_id=other, endpoint_id=place[1], wanted=Wanted(), after=START, limit=10)

    assert (batch.cancelled, batch.seen) == (0, 0)
