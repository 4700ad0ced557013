"""Claims: who may make the next attempt, and until when."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func

from core.database import Database
from core.lease.lane_queries import due_of_lanes
from core.lease.queries import claim_deliveries, give_back
from core.model import tables
from core.model.ids import DeliveryId, EndpointId, TaskId, TenantId
from tests.support.claiming import claim, claim_one
from tests.support.plans import blocks_of
from tests.support.rows import Rows
from tests.support.samples import BODY, URL, ago


async def test_a_claim_counts_the_attempt_and_returns_what_it_needs(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId
) -> None:
    claimed = await claim_one(database, delivery)

    row = await rows.row(tables.deliveries, delivery)
    assert (row["claim"], row["attempt_count"]) == (1, 1)
    assert (claimed.claim, claimed.number, claimed.url, claimed.body) == (1, 1, URL, BODY)
    assert (claimed.endpoint_id, claimed.lane, claimed.cap, claimed.had_succeeded) == (endpoint, endpoint, 50, False)


@pytest.mark.parametrize(
    "columns",
    [
        {"due_at": ago(-60)},
        {"lease_until": ago(-60)},
        {"lease_until": ago(60)},
        {"status": "succeeded", "due_at": None, "succeeded_at": func.now(), "finished_at": func.now()},
    ],
    ids=["not due", "leased", "lapsed", "ended"],
)
async def test_what_is_not_due_or_carries_a_lease_is_not_claimed(
    database: Database, rows: Rows, delivery: DeliveryId, columns: dict[str, object]
) -> None:
    await rows.change(tables.deliveries, delivery, **columns)
    before = await rows.row(tables.deliveries, delivery)

    claimed = await claim(database, delivery)

    assert claimed == ()
    assert await rows.row(tables.deliveries, delivery) == before


async def test_what_has_succeeded_and_is_due_again_is_claimed(
    database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    ended = {"status": "succeeded", "succeeded_at": func.now(), "finished_at": func.now(), "trigger": "resend"}
    await rows.change(tables.deliveries, delivery, **ended)

    claimed = await claim_one(database, delivery)

    assert (claimed.had_succeeded, claimed.trigger) == (True, "resend")


@pytest.mark.parametrize(("own", "seconds"), [(None, 30.0), (3, 18.0), (30, 45.0)])
async def test_a_lease_lasts_for_the_timeout_and_a_margin(
    database: Database, rows: Rows, delivery: DeliveryId, endpoint: EndpointId, own: int | None, seconds: float
) -> None:
    await rows.change(tables.endpoints, endpoint, timeout=own)

    claimed = await claim_one(database, delivery)

    row = await rows.one(
        "SELECT extract(EPOCH FROM lease_until - :at)::FLOAT8 AS s FROM deliveries", at=claimed.claimed_at
    )
    assert row["s"] == seconds


async def test_a_message_that_comes_twice_claims_nothing_the_second_time(
    database: Database, delivery: DeliveryId
) -> None:
    await claim(database, delivery)

    assert await claim(database, delivery) == ()


async def test_an_id_named_twice_and_one_of_no_row_are_claimed_once_and_never(
    database: Database, delivery: DeliveryId
) -> None:
    claimed = await claim(database, delivery, delivery, UUID(int=7), uuid4())

    assert [one.delivery_id for one in claimed] == [delivery]


async def test_eight_claimers_at_once_claim_each_row_once(database_url: str, rows: Rows, tenant: TenantId) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=1000)
    wanted = await rows.deliveries(200, tenant, endpoint)
    wide = Database(database_url, size=8)

    found = await asyncio.gather(*(claim(wide, *wanted) for _ in range(8)))

    await wide.close()
    counted = Counter(one.delivery_id for claimed in found for one in claimed)
    assert counted == Counter(wanted)


async def test_a_lane_is_claimed_up_to_its_cap_by_all_claimers_together(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=3)
    wanted = await rows.deliveries(5, tenant, endpoint)

    first, second = await claim(database, *wanted[3:]), await claim(database, *wanted)

    assert [len(first), len(second)] == [2, 1]
    assert [one.delivery_id for one in second] == wanted[:1]


async def test_the_lease_of_one_lane_takes_no_room_of_another(database: Database, rows: Rows, tenant: TenantId) -> None:
    full, free = await rows.endpoint(tenant, max_in_flight=1), await rows.endpoint(tenant, max_in_flight=1)
    held, waiting, other = [await rows.delivery(tenant, lane) for lane in (full, full, free)]
    await claim(database, held)

    claimed = await claim(database, waiting, other)

    assert [one.delivery_id for one in claimed] == [other]


@pytest.mark.parametrize(("trigger", "count"), [("first", 0), ("retry", 0), ("resend", 1), ("test", 1)])
async def test_what_waits_for_a_paused_endpoint_is_not_claimed_unless_it_was_asked_for(
    database: Database, rows: Rows, endpoint: EndpointId, delivery: DeliveryId, trigger: str, count: int
) -> None:
    await rows.change(tables.endpoints, endpoint, status="paused")
    await rows.change(tables.deliveries, delivery, trigger=trigger)

    claimed = await claim(database, delivery)

    assert len(claimed) == count
    assert (await rows.row(tables.deliveries, delivery))["status"] == "pending"


DISABLED = {"status": "disabled", "disabled_reason": "gone"}
DELETED = {"deleted_at": func.now()}


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    ("columns", "reason"),
    [(DISABLED, "endpoint_disabled"), (DELETED, "endpoint_deleted"), (DISABLED | DELETED, "endpoint_deleted")],
)
async def test_what_has_nowhere_to_go_is_cancelled_with_its_reason(
    database: Database,
    rows: Rows,
    endpoint: EndpointId,
    delivery: DeliveryId,
    columns: dict[str, object],
    reason: str,
    *,
    ordered: bool,
) -> None:
    await rows.change(tables.endpoints, endpoint, **columns)

    claimed = await claim(database, delivery, ordered=ordered)

    row = await rows.row(tables.deliveries, delivery)
    assert claimed == ()
    assert (row["status"], row["reason"], row["due_at"]) == ("cancelled", reason, None)
    assert row["finished_at"] is not None


@pytest.mark.parametrize("ordered", [True, False])
async def test_what_has_no_payload_any_more_is_cancelled(
    database: Database, rows: Rows, delivery: DeliveryId, *, ordered: bool
) -> None:
    event = UUID(str((await rows.row(tables.deliveries, delivery))["event_id"]))
    await rows.change(tables.events, event, body=None, erased_at=func.now())

    claimed = await claim(database, delivery, ordered=ordered)

    row = await rows.row(tables.deliveries, delivery)
    assert claimed == ()
    assert (row["status"], row["reason"]) == ("cancelled", "payload_erased")


@pytest.mark.parametrize("ordered", [True, False])
async def test_what_has_nowhere_to_go_holds_up_no_other(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, delivery: DeliveryId, *, ordered: bool
) -> None:
    await rows.change(tables.endpoints, endpoint, **DISABLED)
    other = await rows.delivery(tenant, await rows.endpoint(tenant))
    leased = await rows.delivery(tenant, endpoint, lease_until=ago(-60), claim=1, attempt_count=1)

    claimed = await claim(database, delivery, other, leased, ordered=ordered)

    assert [one.delivery_id for one in claimed] == [other]
    assert (await rows.row(tables.deliveries, delivery))["status"] == "cancelled"
    assert (await rows.row(tables.deliveries, leased))["status"] == "pending"


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_resend_of_what_has_succeeded_stays_succeeded_where_it_cannot_go(
    database: Database, rows: Rows, endpoint: EndpointId, delivery: DeliveryId, *, ordered: bool
) -> None:
    ended = {"status": "succeeded", "succeeded_at": func.now(), "finished_at": func.now(), "trigger": "resend"}
    await rows.change(tables.deliveries, delivery, **ended)
    await rows.change(tables.endpoints, endpoint, **DISABLED)

    await claim(database, delivery, ordered=ordered)

    row = await rows.row(tables.deliveries, delivery)
    assert (row["status"], row["reason"], row["due_at"]) == ("succeeded", None, None)


async def test_a_claim_brings_the_secrets_of_the_overlap_newest_first(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, delivery: DeliveryId
) -> None:
    secrets = tables.secrets
    await rows.put(secrets, tenant, id=UUID(int=1), endpoint_id=endpoint, sealed=b"gone", expires_at=ago(1))
    await rows.put(secrets, tenant, id=UUID(int=2), endpoint_id=endpoint, sealed=b"old", expires_at=ago(-60))
    await rows.put(secrets, tenant, id=UUID(int=3), endpoint_id=endpoint, sealed=b"new")
    await rows.put(secrets, tenant, id=UUID(int=4), sealed=b"of the tenant")

    claimed = await claim_one(database, delivery)

    assert claimed.secrets == [(UUID(int=3), b"new"), (UUID(int=2), b"old")]


async def test_a_delivery_to_the_url_of_a_task_brings_its_secret_and_the_tenants(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    task: TaskId = await rows.task(tenant, webhook_url=URL, sealed_webhook_secret=b"own")
    await rows.put(tables.secrets, tenant, sealed=b"of the tenant")
    lane = uuid4()
    direct = await rows.delivery(tenant, None, lane=lane, task_id=task, url=URL)

    claimed = await claim_one(database, direct)

    assert (claimed.url, claimed.task_id, claimed.lane, claimed.endpoint_id) == (URL, task, lane, None)
    assert (claimed.sealed_webhook_secret, [sealed for _, sealed in claimed.secrets]) == (b"own", [b"of the tenant"])


async def test_what_is_given_back_counts_no_attempt_and_is_due_again(database: Database, delivery: DeliveryId) -> None:
    claimed = await claim_one(database, delivery)

    async with database.engine() as tx:
        given = await give_back(tx, delivery_id=delivery, claim=claimed.claim)

    again = await claim_one(database, delivery)
    assert given
    assert (again.number, again.claim) == (1, 2)


async def test_an_older_claim_gives_nothing_back(database: Database, rows: Rows, delivery: DeliveryId) -> None:
    claimed = await claim_one(database, delivery)
    await rows.change(tables.deliveries, delivery, claim=2, attempt_count=2)

    async with database.engine() as tx:
        given = await give_back(tx, delivery_id=delivery, claim=claimed.claim)

    row = await rows.row(tables.deliveries, delivery)
    assert not given
    assert (row["attempt_count"], row["lease_until"] is not None) == (2, True)


async def test_the_due_deliveries_of_a_lane_come_in_the_order_of_their_time(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    made = await rows.deliveries(4, tenant, endpoint)
    await rows.change(tables.deliveries, made[0], lease_until=ago(-9))
    await rows.change(tables.deliveries, made[1], due_at=ago(-9))
    await rows.delivery(tenant, await rows.endpoint(tenant))

    async with database.engine() as tx:
        found = await due_of_lanes(tx, rooms={endpoint: 5})

    assert [one.delivery_id for one in found.queued] == made[2:]


async def test_a_claim_reads_the_secrets_of_its_endpoint_alone(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId, delivery: DeliveryId
) -> None:
    own = {(await rows.put(tables.secrets, tenant, endpoint_id=endpoint, sealed=b"own"))["id"] for _ in range(2)}
    many = """
    INSERT INTO secrets (id, tenant_id, endpoint_id, kind, sealed)
    SELECT ringback_uuid7(), :tenant, ringback_uuid7(), 'hmac', 'other' FROM generate_series(1, 20000) RETURNING id
    """
    await rows.all(many, tenant=tenant)

    async with database.engine() as tx:
        await tx.exec_driver_sql("ANALYZE secrets")
        touched = await blocks_of(
            tx, lambda: claim_deliveries(tx, ids=[delivery], default_cap=50, default_timeout=1, lease=1)
        )
        await tx.rollback()
    claimed = await claim_one(database, delivery)

    assert touched < 100
    assert own <= {id_ for id_, _ in claimed.secrets}
    assert {sealed for _, sealed in claimed.secrets} == {b"own"}
