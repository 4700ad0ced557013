"""What is pulled from an endpoint that keeps an order: no key waits for ever, and no look reads all that waits."""

from uuid import UUID

from core.database import Database
from core.lease.claim import Puller
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.once import EVERY_TIME
from tests.integration.test_pulling import pulled, pulls_of
from tests.support.claiming import OK, record, settled
from tests.support.reading import read_of_orders
from tests.support.rows import Rows
from tests.support.samples import ago


async def test_of_few_keys_none_waits_for_all_of_another(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.change(tables.endpoints, queue, ordering="fifo")
    ages = {"a": (40, 20), "b": (30, 10)}
    made = {
        age: await rows.delivery(tenant, queue, ordering_key=key, due_at=ago(age)) for key in ages for age in ages[key]
    }
    pulls = pulls_of(database)

    async def pulled_and_ended() -> UUID:
        (found,) = await pulls.pull(Puller(tenant, None, queue), limit=1, once=EVERY_TIME)
        await record(database, settled(found.claimed, OK))
        return found.claimed.delivery_id

    handed_out = [await pulled_and_ended() for _ in range(4)]

    assert handed_out == [made[40], made[30], made[20], made[10]]


async def test_of_many_keys_the_next_pull_goes_on_where_the_last_one_ended(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.change(tables.endpoints, queue, ordering="fifo", max_in_flight=1000)
    made = await rows.deliveries(250, tenant, queue, keys=250)
    pulls = pulls_of(database)

    found = [*await pulled(pulls, tenant, queue, limit=150), *await pulled(pulls, tenant, queue, limit=150)]

    assert sorted(found) == sorted(set(found) & set(made))
    assert len(found) > 200


async def test_a_pull_in_order_does_not_read_all_that_waits(
    database_url: str, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.change(tables.endpoints, queue, ordering="fifo")
    made = await rows.deliveries(4000, tenant, queue, keys=20)
    handed_out: list[UUID] = []

    async def use(database: Database) -> None:
        handed_out.extend(await pulled(pulls_of(database), tenant, queue, 20))

    read = await read_of_orders(rows, database_url, use)

    assert set(handed_out) == set(made[:20])
    assert read < 1000  # through row-level security it would be a comparison with each that waits, for each key
