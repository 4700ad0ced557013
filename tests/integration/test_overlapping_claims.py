"""Claims of the same rows at the same time: the cap of their endpoint holds."""

from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.lease.claim import Claimed
from core.lease.queries import claim_deliveries
from core.model.ids import DeliveryId, TenantId
from tests.support.claiming import CAP, LEASE, TIMEOUT
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
