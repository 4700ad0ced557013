"""The record looks at each row of a batch some times, and not once for each other row."""

from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from core.database import Database
from core.journal.record_queries import record_attempts
from core.journal.success_queries import record_successes
from core.model.ids import TenantId
from core.model.outcome import Outcome
from tests.support.claiming import DOWN, OK, claim, settled
from tests.support.plans import Node, measured, nodes
from tests.support.rows import Rows

BATCH = 100


def rows_of(node: Node) -> float:
    """Return how many rows a part of a plan has looked at, in all of its runs."""
    seen = [node["Actual Rows"], node.get("Rows Removed by Filter", 0), node.get("Rows Removed by Join Filter", 0)]
    return sum(cast("list[float]", seen)) * cast("float", node["Actual Loops"])


@pytest.mark.parametrize(("record", "other"), [(record_attempts, DOWN), (record_successes, OK)])
async def test_no_part_of_the_record_looks_at_more_rows_than_the_batch_has(
    database: Database, rows: Rows, tenant: TenantId, record: Callable[..., Awaitable[object]], other: Outcome
) -> None:
    made = [await rows.deliveries(BATCH // 20, tenant, await rows.endpoint(tenant)) for _ in range(20)]
    claimed = await claim(database, *(one for each in made for one in each))
    outcomes = [settled(one, other if place % 2 else OK) for place, one in enumerate(claimed)]

    async with database.engine() as tx:
        plan = await measured(tx, lambda: record(tx, settled=outcomes))

    assert len(outcomes) == BATCH
    assert [(node["Node Type"], rows_of(node)) for node in nodes(plan) if rows_of(node) > 2 * BATCH] == []
