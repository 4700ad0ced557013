"""Claims of the same lane at the same time: the cap of its endpoint holds, and its order is that of the log."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.lease.claim import Claimed
from core.lease.queries import claim_deliveries
from core.model.ids import DeliveryId, TenantId
from tests.support.claiming import CAP, LEASE, OK, TIMEOUT, claim_one, record, settled
from tests.support.rows import Rows


async def claimed(tx: AsyncConnection, ids: Sequence[DeliveryId], *, ordered: bool) -> Sequence[Claimed]:
    return await claim_deliveries(tx, ids=ids, ordered=ordered, default_cap=CAP, default_timeout=TIMEOUT, lease=LEASE)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("cap", [1, 5])
async def test_a_claim_of_the_same_first_rows_does_not_go_past_the_cap(
    database: Database, rows: Rows, tenant: TenantId, cap: int, *, ordered: bool
) -> None:
    waiting = await rows.deliveries(2 * cap, tenant, await rows.endpoint(tenant, max_in_flight=cap))

    async with database.engine() as first, database.engine() as second:
        leased = await claimed(first, waiting[:cap], ordered=ordered)
        beside = await claimed(second, waiting, ordered=ordered)

    assert (len(leased), len(beside)) == (cap, 0)


async def test_what_waited_for_another_is_claimed_later_whenever_its_transaction_began(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    sooner, later = await rows.deliveries(2, tenant, await rows.endpoint(tenant, ordering="fifo"))

    async with database.engine() as slow:
        await slow.execute(text("SELECT now()"))
        first = await claim_one(database, sooner)
        await record(database, settled(first, OK))
        (second,) = await claimed(slow, [later], ordered=True)

    assert second.claimed_at > first.claimed_at
