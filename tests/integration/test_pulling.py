"""What is pulled from is left to those who pull, and keeps the rules of what is pushed."""

import base64
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock
from core.database import Database
from core.dispatch.publish import Publisher
from core.lease.claim import Puller
from core.lease.meter import Meter
from core.lease.presence import APIS, Presence
from core.lease.pull import Pulls
from core.model import tables
from core.model.errors import NotFoundError
from core.model.ids import EndpointId, TenantId
from core.model.json_value import JsonValue
from core.model.sealing import CannotOpenError, KeyRing
from core.once import EVERY_TIME, Kept
from tests.support.claiming import claim
from tests.support.feeding import SETTINGS, new_feeder, publishing
from tests.support.pull_rings import BELOW, RING
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.feeder.delivery_queries import take_due_deliveries
from workers.feeder.feed import FeedReport

OTHER_RING = KeyRing(base64.b64encode(b"\x01" * 32).decode())
DAY = 86_400


@pytest.fixture
async def publisher(redis_broker_url: str) -> AsyncGenerator[Publisher]:
    """A connected publisher."""
    async with publishing(redis_broker_url) as connected:
        yield connected


def pulls_of(database: Database, ring: KeyRing = RING) -> Pulls:
    """Return what hands out deliveries, without a Redis."""
    return Pulls(database, Meter(None, Presence(None, APIS)), ring, SETTINGS)


async def pulled(pulls: Pulls, tenant: TenantId, endpoint: EndpointId, limit: int = 10) -> list[UUID]:
    """Pull; return whose deliveries were handed out."""
    found = await pulls.pull(Puller(tenant, None, endpoint), limit=limit, once=EVERY_TIME)
    return [one.claimed.delivery_id for one in found]


async def test_what_is_pulled_is_signed_with_the_time_of_the_database(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rows.delivery(tenant, queue)
    before, true = int(database.unix_seconds()), clock.unix_seconds
    monkeypatch.setattr(clock, "unix_seconds", lambda: true() + DAY)

    (one,) = await pulls_of(database).pull(Puller(tenant, None, queue), limit=1, once=EVERY_TIME)

    assert before - 1 <= int(one.headers["webhook-timestamp"]) < before + DAY


async def test_the_time_of_the_database_does_not_leap_with_the_clock_of_this_machine(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.ping()
    before, true = database.unix_seconds(), clock.unix_seconds
    monkeypatch.setattr(clock, "unix_seconds", lambda: true() - DAY)

    assert before <= database.unix_seconds() < before + DAY


async def test_the_feeder_brings_nothing_of_what_is_pulled_from(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.deliveries(3, tenant, queue)
    await rows.delivery(tenant, queue, trigger="resend")
    pushed = await rows.delivery(tenant, await rows.endpoint(tenant))

    async with database.engine() as tx:
        due = await take_due_deliveries(tx, limit=100, default_cap=50)

    assert [one.delivery_id for one in due.queued] == [pushed]


async def test_the_heads_of_an_order_are_left_to_those_who_pull(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.change(tables.endpoints, queue, ordering="fifo")
    await rows.deliveries(3, tenant, queue, keys=3)

    async with database.engine() as tx:
        due = await take_due_deliveries(tx, limit=100, default_cap=50)

    assert (due.queued, due.starts) == ((), {})


async def test_a_deliverer_that_hears_of_one_claims_nothing(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    asked = await rows.delivery(tenant, queue, trigger="test")

    assert await claim(database, *await rows.deliveries(2, tenant, queue), asked) == ()


async def test_a_pull_hands_out_no_more_than_its_share_of_bytes(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rows.deliveries(5, tenant, queue)
    (size,) = {int(str(row["n"])) for row in await rows.all("SELECT length(body) AS n FROM events")}
    monkeypatch.setattr("core.lease.pull.ROOM", 2 * size)
    pulls = pulls_of(database)

    turns = [len(await pulled(pulls, tenant, queue)) for _ in range(4)]

    assert turns == [2, 2, 1, 0]


async def test_what_is_handed_out_is_leased_and_counted_first(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    made = await rows.delivery(tenant, queue)

    found = await pulled(pulls_of(database), tenant, queue)

    row = await rows.row(tables.deliveries, made)
    assert found == [made]
    assert (row["attempt_count"], row["claim"], row["lease_until"] is None) == (1, 1, False)


async def test_a_lease_that_nobody_ends_becomes_an_unknown_attempt(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, publisher: Publisher
) -> None:
    made = await rows.delivery(tenant, queue)
    await pulled(pulls_of(database), tenant, queue)
    await rows.change(tables.deliveries, made, lease_until=ago(1))

    report = await new_feeder(database, publisher).run_once()

    (attempt,) = await rows.attempts(made)
    assert report == FeedReport(unknown=1)
    assert (attempt["outcome"], attempt["request_url"]) == ("unknown", "")
    assert await pulled(pulls_of(database), tenant, queue) == [made]


async def test_what_is_asked_for_goes_first(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.deliveries(3, tenant, queue)
    asked = await rows.delivery(tenant, queue, trigger="resend")

    assert await pulled(pulls_of(database), tenant, queue, limit=1) == [asked]


async def test_what_is_due_longest_is_handed_out_first(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    made = await rows.deliveries(5, tenant, queue)

    assert await pulled(pulls_of(database), tenant, queue) == made


async def test_the_rate_holds_while_redis_is_away(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.change(tables.endpoints, queue, rate_limit=20)
    await rows.deliveries(10, tenant, queue)

    assert len(await pulled(pulls_of(database), tenant, queue)) == 2  # a tenth of a second's


async def test_a_secret_that_cannot_be_opened_costs_no_attempt(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    made = await rows.delivery(tenant, queue)

    with pytest.raises(CannotOpenError):
        await pulled(pulls_of(database, OTHER_RING), tenant, queue)

    row = await rows.row(tables.deliveries, made)
    assert (row["attempt_count"], row["lease_until"]) == (0, None)


async def test_another_tenants_deliveries_are_never_handed_out(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.deliveries(2, await rows.tenant(), queue)

    assert await pulled(pulls_of(database), tenant, queue) == []


@dataclass
class GivenAway:
    """A request during which the endpoint is given away, after it was found and before the claim."""

    rows: Rows
    answered: Kept | None = None
    kept: Kept | None = None
    deleted: bool = False
    """Whether it is deleted; else another owner gets it."""

    async def take(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        """Give it away or delete it; return what was answered to the same request meanwhile."""
        del tx
        await self.rows.change(tables.endpoints, made, **({"deleted_at": ago(0)} if self.deleted else {"owner": "b"}))
        return self.answered

    async def note(self, tx: AsyncConnection, made: UUID, more: Mapping[str, JsonValue]) -> None:
        """Keep nothing."""


@pytest.mark.parametrize(("owner", "handed_out"), [("a", 0), (None, 1)])
async def test_an_endpoint_that_is_given_away_hands_its_former_owner_nothing(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, owner: str | None, handed_out: int
) -> None:
    await rows.change(tables.endpoints, queue, owner="a")
    made = await rows.delivery(tenant, queue)

    found = await pulls_of(database).pull(Puller(tenant, owner, queue), limit=1, once=GivenAway(rows))

    assert len(found) == handed_out
    assert (await rows.row(tables.deliveries, made))["attempt_count"] == handed_out


@pytest.mark.parametrize(("owner", "handed_out"), [("a", 0), (None, 1)])
async def test_what_was_handed_out_is_not_told_again_to_a_former_owner(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, owner: str | None, handed_out: int
) -> None:
    await rows.change(tables.endpoints, queue, owner="a")
    first, _ = await rows.deliveries(2, tenant, queue)
    pulls, who = pulls_of(database), Puller(tenant, owner, queue)
    await pulled(pulls, tenant, queue, 1)
    answered = Kept(queue, 200, {"claims": {first.hex: 1}})

    found = await pulls.pull(who, limit=1, once=GivenAway(rows, answered))

    assert len(found) == handed_out


async def test_what_was_handed_out_is_not_told_again_of_an_endpoint_that_was_deleted_meanwhile(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    first, _ = await rows.deliveries(2, tenant, queue)
    pulls, who = pulls_of(database), Puller(tenant, None, queue)
    await pulled(pulls, tenant, queue, 1)
    answered = Kept(queue, 200, {"claims": {first.hex: 1}})

    with pytest.raises(NotFoundError):
        await pulls.pull(who, limit=1, once=GivenAway(rows, answered, deleted=True))


async def test_a_claim_for_one_who_pulls_is_of_its_tenant_and_its_endpoint(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    made = await rows.delivery(tenant, queue)
    other = await rows.endpoint(tenant, **BELOW)

    wrong = [Puller(await rows.tenant(), None, queue), Puller(tenant, None, other)]

    assert [await claim(database, made, puller=who) for who in wrong] == [(), ()]
    assert len(await claim(database, made, puller=Puller(tenant, None, queue))) == 1
