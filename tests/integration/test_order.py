"""Endpoints that keep an order: what waits for what, and what goes on when."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func

from core.database import Database
from core.lease.claim import Claimed
from core.lease.lane_queries import due_of_lanes, next_in_order
from core.lease.queries import claim_deliveries
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.model.queued import Queued
from core.settings import Settings
from tests.support.claiming import DOWN, OK, claim, claim_one, finish, recorded, settled
from tests.support.feeding import new_notices
from tests.support.plans import blocks_of
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.delivery.attempt import Leases
from workers.delivery.record import Recorder
from workers.feeder.delivery_queries import take_due_deliveries

LEASED = {"lease_until": ago(-60), "claim": 1, "attempt_count": 1}
GIVEN_UP = {"due_at": None, "finished_at": func.now()}


@pytest.fixture
async def fifo(rows: Rows, tenant: TenantId) -> EndpointId:
    """An endpoint that keeps an order."""
    return await rows.endpoint(tenant, ordering="fifo", updated_at=ago(3600))


async def take(database: Database) -> list[UUID]:
    """Return what the feeder would publish."""
    async with database.engine() as tx:
        due = await take_due_deliveries(tx, limit=1000, default_cap=50)
    return [one.delivery_id for one in due.queued]


async def look(database: Database, lane: UUID) -> list[UUID]:
    """Return what a lane would be filled with."""
    async with database.engine() as tx:
        due = await due_of_lanes(tx, rooms={lane: 100})
    return [one.delivery_id for one in due.queued]


def named(claimed: tuple[Claimed, ...]) -> set[UUID]:
    return {one.delivery_id for one in claimed}


async def test_only_the_first_is_claimed_whatever_is_asked_for(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    first, second, third = await rows.deliveries(3, tenant, fifo)

    refused, claimed = await claim(database, third, second), await claim(database, third, second, first)

    assert (refused, named(claimed)) == ((), {first})


async def test_the_order_is_that_of_acceptance_not_of_time_or_id(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    later = await rows.delivery(tenant, fifo, sequence=2_000_002, due_at=ago(99))
    earlier = await rows.delivery(tenant, fifo, sequence=2_000_001, due_at=ago(1))

    assert named(await claim(database, later, earlier)) == {earlier}


@pytest.mark.parametrize(
    "columns",
    [
        LEASED,
        {**LEASED, "lease_until": ago(60)},
        {"due_at": ago(-60), "status": "retrying", "claim": 1, "attempt_count": 1},
        {**LEASED, "status": "cancelled", "reason": "client", **GIVEN_UP},
    ],
    ids=["on the wire", "its lease has lapsed", "waiting for its schedule", "cancelled on the wire"],
)
async def test_the_next_waits_while_the_head_is_unfinished(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId, columns: dict[str, object]
) -> None:
    head, second = await rows.deliveries(2, tenant, fifo)
    await rows.change(tables.deliveries, head, **columns)

    assert await claim(database, second) == ()
    assert (await take(database), await look(database, fifo)) == ([], [])


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "succeeded", "succeeded_at": func.now(), **GIVEN_UP},
        {"status": "exhausted", **GIVEN_UP},
        {"status": "cancelled", "reason": "client", **GIVEN_UP},
    ],
    ids=["delivered", "given up", "cancelled"],
)
async def test_the_next_goes_once_the_head_has_ended(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId, columns: dict[str, object]
) -> None:
    head, second, _ = await rows.deliveries(3, tenant, fifo)
    await rows.change(tables.deliveries, head, **columns)

    seen = (await take(database), await look(database, fifo))

    assert seen == ([second], [second])
    assert named(await claim(database, second)) == {second}


async def test_only_those_of_the_same_key_wait_for_each_other(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    made = await rows.deliveries(9, tenant, fifo, keys=3)

    seen = (set(await take(database)), set(await look(database, fifo)))

    assert seen == (set(made[:3]), set(made[:3]))
    assert named(await claim(database, *made)) == set(made[:3])


async def test_those_without_a_key_wait_for_each_other_and_for_no_key(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    (keyed,), (first, second) = await rows.deliveries(1, tenant, fifo, keys=1), await rows.deliveries(2, tenant, fifo)

    assert named(await claim(database, keyed, first, second)) == {keyed, first}


async def test_the_same_key_of_another_endpoint_waits_for_nothing(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    other = await rows.endpoint(tenant, ordering="fifo")
    (first,), (second,) = (
        await rows.deliveries(1, tenant, fifo, keys=1),
        await rows.deliveries(1, tenant, other, keys=1),
    )

    assert named(await claim(database, first, second)) == {first, second}


@pytest.mark.parametrize("trigger", ["resend", "test"])
async def test_what_was_asked_for_goes_past_the_order(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId, trigger: str
) -> None:
    head, asked = await rows.deliveries(2, tenant, fifo)
    await rows.change(tables.deliveries, head, due_at=ago(-60))
    await rows.change(tables.deliveries, asked, trigger=trigger)

    seen = await take(database)

    assert seen == [asked]
    assert named(await claim(database, asked)) == {asked}


async def test_the_resend_of_what_was_delivered_holds_nothing_up(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    done = {"status": "succeeded", "succeeded_at": func.now(), "finished_at": func.now(), "trigger": "resend"}
    again, waiting = await rows.deliveries(2, tenant, fifo)
    await rows.change(tables.deliveries, again, **done)

    assert named(await claim(database, again, waiting)) == {again, waiting}


@pytest.mark.parametrize(("before", "after", "count"), [("none", "fifo", 1), ("fifo", "none", 4)])
async def test_a_change_of_the_order_takes_effect_on_what_waits(
    database: Database, rows: Rows, tenant: TenantId, before: str, after: str, count: int
) -> None:
    endpoint = await rows.endpoint(tenant, ordering=before)
    made = await rows.deliveries(4, tenant, endpoint)
    await rows.change(tables.endpoints, endpoint, ordering=after)

    seen = await take(database)

    assert len(seen) == count
    assert len(await claim(database, *made)) == count


async def test_what_was_published_before_its_endpoint_changed_is_published_again(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, status="paused", updated_at=ago(3600))
    (waiting,) = await rows.deliveries(1, tenant, endpoint)
    await rows.change(tables.deliveries, waiting, published_until=ago(-20))
    await rows.change(tables.endpoints, endpoint, status="enabled", updated_at=ago(5))

    taken = [await take(database), await take(database)]

    assert taken == [[waiting], []]


async def test_a_head_is_published_again_two_seconds_after_it_may_have_been_refused(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    (head,) = await rows.deliveries(1, tenant, fifo)
    await rows.change(tables.deliveries, head, published_until=ago(-29))
    early = await take(database)
    await rows.change(tables.deliveries, head, published_until=ago(-27))

    assert (early, await take(database)) == ([], [head])


async def test_of_a_paused_lane_nothing_is_fetched(database: Database, rows: Rows, tenant: TenantId) -> None:
    paused, ordered = [await rows.endpoint(tenant, status="paused", ordering=order) for order in ("none", "fifo")]
    await rows.deliveries(2, tenant, paused)
    await rows.deliveries(2, tenant, ordered)

    assert [await look(database, paused), await look(database, ordered)] == [[], []]


async def test_the_end_of_one_releases_the_next_of_its_key(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    first, _, third, _ = await rows.deliveries(4, tenant, fifo, keys=2)
    await finish(database, await claim_one(database, first))

    async with database.engine() as tx:
        released = await next_in_order(tx, ended=[first])

    assert released == (Queued(third, fifo, tenant),)


@pytest.mark.parametrize("columns", [{"due_at": ago(-60)}, {"lease_until": ago(-60), "claim": 1, "attempt_count": 1}])
async def test_a_next_one_that_cannot_go_yet_is_not_released(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId, columns: dict[str, object]
) -> None:
    first, second = await rows.deliveries(2, tenant, fifo)
    await finish(database, await claim_one(database, first))
    await rows.change(tables.deliveries, second, **columns)

    async with database.engine() as tx:
        assert await next_in_order(tx, ended=[first]) == ()


async def test_the_recorder_releases_the_next_after_a_success_and_not_after_a_failure(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    first, third, second, _ = await rows.deliveries(4, tenant, fifo, keys=2)
    released: list[Queued] = []
    recorder = Recorder(database, lambda _: None, new_notices(database), released.extend)
    running = asyncio.create_task(recorder.run())
    up, down = await claim_one(database, first), await claim_one(database, third)

    await asyncio.gather(recorded(recorder, settled(up, OK)), recorded(recorder, settled(down, DOWN)))

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [one.delivery_id for one in released] == [second]


async def test_of_more_keys_than_there_is_room_for_each_is_looked_at_in_its_turn(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId
) -> None:
    made = await rows.deliveries(24, tenant, fifo, keys=12)
    leases = Leases(database, Settings())

    seen = [await leases.due({fifo: 5}) for _ in range(4)]

    assert [len(one) for one in seen] == [5, 5, 5, 5]
    assert {one.delivery_id for some in seen for one in some} == set(made[:12])


async def test_the_feeder_goes_on_where_it_stopped_looking(database: Database, rows: Rows, tenant: TenantId) -> None:
    fifo = await rows.endpoint(tenant, ordering="fifo", max_in_flight=2)
    made = await rows.deliveries(10, tenant, fifo, keys=10)
    await asyncio.gather(*[rows.change(tables.deliveries, one, due_at=ago(-60)) for one in made[:8]])

    async with database.engine() as tx:
        first = await take_due_deliveries(tx, limit=99, default_cap=50)
        second = await take_due_deliveries(tx, limit=99, default_cap=50, starts=first.starts)
        third = await take_due_deliveries(tx, limit=99, default_cap=50, starts=second.starts)

    found = [one.delivery_id for due in (first, second, third) for one in due.queued]
    assert sorted(found, key=str) == sorted(made[8:], key=str)


@pytest.mark.parametrize("keys", [None, 100_000], ids=["one key", "a key each"])
async def test_a_hundred_thousand_that_wait_cost_what_ten_do(
    database: Database, rows: Rows, tenant: TenantId, fifo: EndpointId, keys: int | None
) -> None:
    made = await rows.deliveries(100_000, tenant, fifo, keys=keys)
    async with database.engine() as tx:
        await tx.exec_driver_sql("ANALYZE deliveries")
        touched = [
            await blocks_of(tx, lambda: take_due_deliveries(tx, limit=1000, default_cap=50)),
            await blocks_of(tx, lambda: due_of_lanes(tx, rooms={fifo: 100})),
            await blocks_of(tx, lambda: next_in_order(tx, ended=made[:1])),
            await blocks_of(
                tx, lambda: claim_deliveries(tx, ids=made[-3:], default_cap=50, default_timeout=1, lease=1)
            ),
        ]

    assert max(touched) < 5000
