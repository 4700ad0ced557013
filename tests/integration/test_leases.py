"""What is on the wire stands in a table of its own, and a claim writes to no index of deliveries.

That the table holds what is on the wire, and nothing else, is looked at after each of these tests (`rows`).
"""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database, fetch_all
from core.journal.record_queries import record_attempts
from core.journal.success_queries import record_successes
from core.lease.queries import claim_deliveries, give_back
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.model.outcome import Outcome
from tests.support.claiming import DOWN, GONE, OK, UNKNOWN, claim, claim_one, record, settled
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.feeder.queries import take_lapsed
from workers.upkeep import lease_queries
from workers.upkeep.lease_queries import add_missing, drop_strays
from workers.upkeep.leases import LeaseMender

UPDATES = """
SELECT sum(n_tup_upd)::INTEGER AS all, sum(n_tup_hot_upd)::INTEGER AS in_no_index
FROM pg_stat_xact_user_tables WHERE relname LIKE 'deliveries%'
"""


async def leased(rows: Rows) -> Sequence[object]:
    """Return the deliveries in the table, oldest first."""
    return [row["delivery_id"] for row in await rows.all("SELECT delivery_id FROM leases ORDER BY delivery_id")]


async def lapse(database: Database) -> Sequence[UUID]:
    """Look for leases that have run out, as the feeder does."""
    async with database.engine() as tx:
        return [one.delivery_id for one in await take_lapsed(tx, limit=10, default_timeout=15)]


async def stray(rows: Rows, seconds: float) -> UUID:
    """Enter what is no delivery, with a time that is so many seconds ago."""
    made = rows.new_id()
    await rows.put(tables.leases, made, lane=made, delivery_id=made, until=ago(seconds))
    return made


async def test_a_claim_of_new_deliveries_writes_to_none_of_their_indexes(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    made = await rows.deliveries(40, tenant, endpoint)

    async with database.engine() as tx:
        taken = await claim_deliveries(tx, ids=made, default_cap=50, default_timeout=15, lease=15)
        written = await fetch_all(tx, dict[str, int], UPDATES)

    assert len(taken) == 40
    assert written == ({"all": 40, "in_no_index": 40},)


async def test_a_claim_enters_its_deliveries_until_they_are_due_back(
    rows: Rows, database: Database, tenant: TenantId, endpoint: EndpointId
) -> None:
    made = await rows.deliveries(3, tenant, endpoint)

    await claim(database, *made[:2])

    assert await leased(rows) == sorted(made[:2])


@pytest.mark.parametrize("outcome", [OK, DOWN, GONE, UNKNOWN], ids=["success", "failure", "gone", "unknown"])
async def test_an_outcome_ends_the_lease(rows: Rows, database: Database, delivery: UUID, outcome: Outcome) -> None:
    await record(database, settled(await claim_one(database, delivery), outcome))

    assert await leased(rows) == []


async def test_a_batch_of_successes_ends_its_leases_and_no_others(
    rows: Rows, database: Database, tenant: TenantId, endpoint: EndpointId
) -> None:
    made = await rows.deliveries(3, tenant, endpoint)
    taken = await claim(database, *made)

    async with database.engine() as tx:
        assert await record_successes(tx, settled=[settled(one, OK) for one in taken[:2]])

    assert await leased(rows) == [taken[2].delivery_id]


async def test_a_batch_that_does_not_fit_ends_no_lease(
    rows: Rows, database: Database, tenant: TenantId, endpoint: EndpointId
) -> None:
    taken = await claim(database, *await rows.deliveries(2, tenant, endpoint))
    await rows.change(tables.deliveries, taken[0].delivery_id, resend_asked_at=ago(1))

    async with database.engine() as tx:
        assert not await record_successes(tx, settled=[settled(one, OK) for one in taken])

    assert await leased(rows) == sorted(one.delivery_id for one in taken)


async def test_a_late_outcome_leaves_the_lease_of_the_next_claim(
    rows: Rows, database: Database, delivery: UUID
) -> None:
    first = await claim_one(database, delivery)
    await record(database, settled(first, UNKNOWN))
    await claim_one(database, delivery)

    await record(database, settled(first, DOWN))

    assert await leased(rows) == [delivery]


async def test_what_is_given_back_has_no_lease(rows: Rows, database: Database, delivery: UUID) -> None:
    taken = await claim_one(database, delivery)

    async with database.engine() as tx:
        assert await give_back(tx, delivery_id=delivery, claim=taken.claim)
        assert not await give_back(tx, delivery_id=delivery, claim=taken.claim)

    assert await leased(rows) == []


async def test_a_lease_that_has_run_out_is_found(rows: Rows, database: Database, delivery: UUID) -> None:
    await claim_one(database, delivery)
    assert await lapse(database) == []

    await rows.change(tables.deliveries, delivery, lease_until=ago(1))

    assert await lapse(database) == [delivery]


async def mend(database: Database) -> int:
    """Mend both sides; return how many rows were written."""
    async with database.engine() as tx:
        return await drop_strays(tx) + await add_missing(tx)


async def test_a_row_of_nothing_on_the_wire_goes_a_minute_after_its_time(rows: Rows, database: Database) -> None:
    old, young = await stray(rows, 90), await stray(rows, 30)
    assert await leased(rows) == [old, young]

    assert await mend(database) == 1

    assert await leased(rows) == [young]
    await rows.all("DELETE FROM leases RETURNING lane")


async def test_a_lease_without_a_row_gets_one_a_minute_after_its_time(
    rows: Rows, database: Database, tenant: TenantId, endpoint: EndpointId
) -> None:
    old, young = await rows.deliveries(2, tenant, endpoint)
    await claim(database, old, young)
    await rows.change(tables.deliveries, old, lease_until=ago(90))
    await rows.change(tables.deliveries, young, lease_until=ago(30))
    await rows.all("DELETE FROM leases RETURNING lane")

    assert await mend(database) == 1

    assert (await leased(rows), await lapse(database)) == ([old], [old])
    await rows.change(tables.deliveries, young, lease_until=None)


async def test_what_is_in_step_is_left_alone(rows: Rows, database: Database, delivery: UUID) -> None:
    await claim_one(database, delivery)
    await rows.change(tables.deliveries, delivery, lease_until=ago(90))

    assert await mend(database) == 0

    assert await leased(rows) == [delivery]


async def test_who_claims_what_is_being_mended_is_not_waited_for(
    rows: Rows, database: Database, delivery: UUID, endpoint: EndpointId
) -> None:
    await rows.put(tables.leases, endpoint, lane=endpoint, delivery_id=delivery, until=ago(90))

    async with database.engine() as tx:
        await claim_deliveries(tx, ids=[delivery], default_cap=50, default_timeout=15, lease=15)
        assert await mend(database) == 0

    assert (await leased(rows), await mend(database)) == ([delivery], 0)


async def test_a_lease_that_is_just_being_ended_gets_no_row(rows: Rows, database: Database, delivery: UUID) -> None:
    claimed = await claim_one(database, delivery)
    await rows.change(tables.deliveries, delivery, lease_until=ago(90))

    async with database.engine() as feeder:
        await record_attempts(feeder, settled=[settled(claimed, UNKNOWN)])
        async with database.engine() as mender:
            added = await add_missing(mender)

    assert (added, await leased(rows)) == (0, [])


async def test_a_side_that_takes_too_long_leaves_the_other_as_it_is(
    rows: Rows, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_: AsyncConnection) -> int:
        raise TimeoutError

    monkeypatch.setattr(lease_queries, "add_missing", slow)
    await stray(rows, 90)

    turn = await LeaseMender(database).run_once()

    assert (await leased(rows), turn.worked) == ([], False)
