"""Operational events: who hears of what, and what keeps them from feeding themselves."""

import json
from dataclasses import dataclass

import pytest
from msgspec import structs
from sqlalchemy import func

from core.database import Database
from core.intake.notices import Notices
from core.journal.record import Settled
from core.journal.record_queries import record_attempts
from core.model import ids, tables
from core.model.ids import DeliveryId, EndpointId, TenantId
from core.model.outcome import Outcome
from tests.support.claiming import DOWN, GONE, OK, UNKNOWN, claim_one, settled
from tests.support.feeding import new_notices
from tests.support.rows import Rows
from tests.support.samples import URL

LAST_STEP = {"step": 2, "status": "retrying", "trigger": "retry"}
"""The schedule of these tests has two steps: the next failure is the last one."""

TOLD = """
SELECT v.type, d.endpoint_id FROM deliveries d JOIN events v ON v.id = d.event_id
WHERE v.type LIKE 'endpoint.%' OR v.type LIKE 'delivery.%' ORDER BY d.endpoint_id, v.type
"""


@dataclass
class Watch:
    """A tenant with an endpoint that is watched, and one that hears of it."""

    rows: Rows
    notices: Notices
    tenant: TenantId
    watched: EndpointId
    listener: EndpointId

    async def delivery(self, **columns: object) -> DeliveryId:
        """Make a delivery to the endpoint that is watched, at its last step."""
        return await self.rows.delivery(self.tenant, self.watched, **LAST_STEP | columns)

    async def record(self, *outcomes: Settled) -> None:
        """Record outcomes and tell of them, in one transaction."""
        async with self.rows.database.engine() as tx:
            await self.notices.tell(tx, await record_attempts(tx, settled=outcomes))

    async def end(self, delivery: DeliveryId, outcome: Outcome) -> None:
        """Make an attempt of a delivery with that outcome."""
        await self.record(settled(await claim_one(self.rows.database, delivery), outcome))

    async def told(self) -> list[tuple[object, object]]:
        """Return the types of operational events, with the endpoint that each is brought to."""
        return [(row["type"], row["endpoint_id"]) for row in await self.rows.all(TOLD)]

    async def data(self, type_: str) -> dict[str, object]:
        """Return the data of the only event of a type."""
        row = await self.rows.one("SELECT body FROM events WHERE type = :type", type=type_)
        found: dict[str, object] = json.loads(bytes(row["body"]))["data"]  # pyright: ignore[reportArgumentType] - it is bytes
        return found


@pytest.fixture
async def watch(database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId) -> Watch:
    """A tenant whose listener asks for everything operational."""
    listener = await rows.endpoint(tenant, event_types=["endpoint.*", "delivery.*"])
    return Watch(rows, new_notices(database), tenant, endpoint, listener)


async def test_an_exhausted_delivery_is_told(watch: Watch) -> None:
    delivery = await watch.delivery()

    await watch.end(delivery, DOWN)

    assert await watch.told() == [("delivery.exhausted", watch.listener)]
    data = await watch.data("delivery.exhausted")
    assert (data["id"], data["status"], data["attempt_count"], data["last_response_code"]) == (
        ids.encode(ids.DELIVERY, delivery),
        "exhausted",
        1,
        500,
    )
    assert data["endpoint_id"] == ids.encode(ids.ENDPOINT, watch.watched)


async def test_an_endpoint_that_is_gone_is_told(watch: Watch) -> None:
    await watch.end(await watch.delivery(), GONE)

    assert await watch.told() == [("endpoint.disabled", watch.listener)]
    data = await watch.data("endpoint.disabled")
    assert (data["id"], data["url"]) == (ids.encode(ids.ENDPOINT, watch.watched), URL)
    assert (data["status"], data["disabled_reason"]) == ("disabled", "gone")


@pytest.mark.parametrize("outcome", [OK, UNKNOWN, structs.replace(DOWN, note="reconnect")])
async def test_what_ends_nothing_tells_nothing(watch: Watch, outcome: Outcome) -> None:
    await watch.end(await watch.delivery(), outcome)

    assert await watch.told() == []


async def test_a_failure_before_the_last_step_tells_nothing(watch: Watch) -> None:
    await watch.end(await watch.delivery(step=0), DOWN)

    assert await watch.told() == []


async def test_an_event_that_nobody_asks_for_is_not_recorded(watch: Watch, rows: Rows) -> None:
    await rows.change(tables.endpoints, watch.listener, event_types=["order.*"])

    await watch.end(await watch.delivery(), DOWN)

    assert await rows.all("SELECT 1 FROM events WHERE type LIKE 'delivery.%'") == ()


@pytest.mark.parametrize("outcome", [DOWN, GONE])
async def test_the_endpoint_that_it_is_about_does_not_hear_of_it(watch: Watch, rows: Rows, outcome: Outcome) -> None:
    await rows.change(tables.endpoints, watch.watched, event_types=["endpoint.*", "delivery.*"])

    await watch.end(await watch.delivery(), outcome)

    assert [to for _, to in await watch.told()] == [watch.listener]


@pytest.mark.parametrize("outcome", [DOWN, GONE])
@pytest.mark.parametrize("type_", ["endpoint.disabled", "endpoint.failing", "delivery.exhausted"])
async def test_a_delivery_of_an_operational_event_makes_no_further_one(
    watch: Watch, type_: str, outcome: Outcome
) -> None:
    await watch.end(await watch.delivery(event_type=type_), outcome)

    assert await watch.told() == []


async def test_gone_in_answer_to_an_operational_event_disables_all_the_same(watch: Watch, rows: Rows) -> None:
    await watch.end(await watch.delivery(event_type="endpoint.failing"), GONE)

    assert (await rows.row(tables.endpoints, watch.watched))["disabled_reason"] == "gone"


async def test_an_endpoint_that_was_disabled_already_is_not_told_again(watch: Watch, rows: Rows) -> None:
    claimed = await claim_one(rows.database, await watch.delivery())
    await rows.change(tables.endpoints, watch.watched, status="disabled", disabled_reason="failing")

    await watch.record(settled(claimed, GONE))

    assert await watch.told() == []


async def test_two_that_find_an_endpoint_gone_tell_it_once(watch: Watch, rows: Rows) -> None:
    first = await claim_one(rows.database, await watch.delivery())
    second = await claim_one(rows.database, await watch.delivery())

    await watch.record(settled(first, GONE), settled(second, GONE))

    assert await watch.told() == [("endpoint.disabled", watch.listener)]


async def test_what_was_exhausted_before_it_was_sent_again_is_not_told_again(watch: Watch) -> None:
    again = await watch.delivery(status="exhausted", finished_at=func.now(), trigger="resend")

    await watch.end(again, DOWN)

    assert await watch.told() == []


async def test_a_late_outcome_tells_nothing(watch: Watch, rows: Rows) -> None:
    claimed = await claim_one(rows.database, await watch.delivery())
    await watch.record(settled(claimed, UNKNOWN))

    await watch.record(settled(claimed, DOWN))

    assert await watch.told() == []


@pytest.mark.parametrize(
    ("owner", "listening", "hears"),
    [("a", "a", True), ("a", None, True), ("a", "b", False), (None, None, True), (None, "b", False)],
)
@pytest.mark.parametrize("outcome", [DOWN, GONE])
async def test_what_happens_to_an_owners_endpoint_stays_with_that_owner(
    watch: Watch, rows: Rows, owner: str | None, listening: str | None, outcome: Outcome, *, hears: bool
) -> None:
    await rows.change(tables.endpoints, watch.watched, owner=owner)
    await rows.change(tables.endpoints, watch.listener, owner=listening)

    await watch.end(await watch.delivery(), outcome)

    assert len(await watch.told()) == hears


async def test_the_delivery_to_a_tasks_own_url_is_told_to_endpoints_of_no_owner(watch: Watch, rows: Rows) -> None:
    task = await rows.task(watch.tenant)
    await rows.endpoint(watch.tenant, event_types=["delivery.*"], owner="a")
    direct = {"lane": rows.new_id(), "task_id": task, "url": URL, **LAST_STEP}

    await watch.end(await rows.delivery(watch.tenant, None, **direct), DOWN)

    assert await watch.told() == [("delivery.exhausted", watch.listener)]
    assert (await watch.data("delivery.exhausted"))["task_id"] == ids.encode(ids.TASK, task)


async def test_another_tenant_hears_nothing(watch: Watch, rows: Rows) -> None:
    await rows.endpoint(await rows.tenant(), event_types=["delivery.*"])

    await watch.end(await watch.delivery(), DOWN)

    assert await watch.told() == [("delivery.exhausted", watch.listener)]


async def test_headers_are_masked_and_what_cannot_be_opened_is_left_out(watch: Watch, rows: Rows) -> None:
    sealed = watch.notices.ring.seal(
        b'{"Authorization":"Bearer x"}', tenant=watch.tenant, row=watch.watched, column="endpoints.headers"
    )
    await rows.change(tables.endpoints, watch.watched, sealed_headers=sealed)
    other = await rows.endpoint(watch.tenant, sealed_headers=sealed)

    async with rows.database.engine() as tx:
        await watch.notices.of_endpoints(tx, "endpoint.failing", [watch.watched, other])

    bodies = await rows.all("SELECT body FROM events WHERE type = 'endpoint.failing' ORDER BY id")
    shown = [json.loads(bytes(row["body"]))["data"]["headers"] for row in bodies]  # pyright: ignore[reportArgumentType] - it is bytes
    assert sorted(shown, key=len) == [{}, {"Authorization": "********"}]


async def test_a_record_that_is_rolled_back_tells_nothing(watch: Watch, rows: Rows) -> None:
    claimed = await claim_one(rows.database, await watch.delivery())

    async with rows.database.engine() as tx:
        await watch.notices.tell(tx, await record_attempts(tx, settled=[settled(claimed, DOWN)]))
        await tx.rollback()

    assert await watch.told() == []
    assert await rows.attempts(claimed.delivery_id) == ()
