"""Those who pull from one endpoint at once: what one takes the others pass over, and nobody goes away empty."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.lease.claim import Puller
from core.lease.meter import Meter
from core.lease.pull import Pulls
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.model.json_value import JsonValue
from core.once import Kept
from core.redis import open_redis
from tests.integration.test_pulling import pulled, pulls_of
from tests.support.feeding import SETTINGS
from tests.support.presences import met
from tests.support.pull_rings import RING
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stores import refusing_writes


@dataclass
class Meanwhile:
    """A request during which somebody else pulls: after its look (`claims`), or while its claim is not committed."""

    pulls: Pulls
    who: Puller
    limit: int
    claims: bool
    kept: Kept | None = None
    handed_out: list[UUID] = field(default_factory=list[UUID])

    async def take(self, tx: AsyncConnection, made: UUID) -> None:
        """Let the other one pull, between look and claim."""
        del tx, made
        await self._pull(now=self.claims)

    async def note(self, tx: AsyncConnection, made: UUID, more: Mapping[str, JsonValue]) -> None:
        """Let the other one pull, behind a claim that is not committed."""
        del tx, made, more
        await self._pull(now=not self.claims)

    async def _pull(self, *, now: bool) -> None:
        if now:
            self.handed_out += await pulled(self.pulls, self.who.tenant_id, self.who.endpoint_id, self.limit)


async def both(database: Database, who: Puller, *, limit: int, claims: bool) -> tuple[list[UUID], list[UUID]]:
    """Pull twice at once, in two processes; return what was handed out to the first one and to the other."""
    meanwhile = Meanwhile(pulls_of(database), who, limit, claims)
    found = await pulls_of(database).pull(who, limit=limit, once=meanwhile)
    return [one.claimed.delivery_id for one in found], meanwhile.handed_out


@pytest.mark.parametrize("claims", [True, False], ids=["committed", "under way"])
@pytest.mark.parametrize("ordering", ["none", "fifo"])
async def test_each_gets_as_much_as_there_is(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, ordering: str, *, claims: bool
) -> None:
    await rows.change(tables.endpoints, queue, ordering=ordering)
    made = await rows.deliveries(25, tenant, queue, keys=25)

    first, other = await both(database, Puller(tenant, None, queue), limit=10, claims=claims)

    assert [*other, *first] == made[:20] if claims else [*first, *other] == made[:20]


@pytest.mark.parametrize("claims", [True, False], ids=["committed", "under way"])
async def test_together_they_get_no_more_than_may_be_in_flight(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, *, claims: bool
) -> None:
    await rows.change(tables.endpoints, queue, max_in_flight=15)
    await rows.deliveries(25, tenant, queue)

    first, other = await both(database, Puller(tenant, None, queue), limit=10, claims=claims)

    assert {len(first), len(other)} == {10, 5}
    assert not set(first) & set(other)


@pytest.mark.parametrize("claims", [True, False], ids=["committed", "under way"])
async def test_of_an_order_no_key_goes_to_both(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, *, claims: bool
) -> None:
    await rows.change(tables.endpoints, queue, ordering="fifo")
    made = await rows.deliveries(30, tenant, queue, keys=15)

    first, other = await both(database, Puller(tenant, None, queue), limit=10, claims=claims)

    assert sorted([*first, *other]) == sorted(made[:15])


async def test_each_has_its_own_share_of_bytes(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await rows.deliveries(5, tenant, queue)
    (size,) = {int(str(row["n"])) for row in await rows.all("SELECT length(body) AS n FROM events")}
    monkeypatch.setattr("core.lease.pull.ROOM", 2 * size)

    first, other = await both(database, Puller(tenant, None, queue), limit=2, claims=False)

    assert [first, other] == [made[:2], made[2:4]]


async def test_what_one_of_them_cancels_holds_up_nobody(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    erased = await rows.event(tenant, body=None, erased_at=ago(1))
    dead = [await rows.delivery(tenant, queue, event_id=erased) for _ in range(2)]
    made = await rows.deliveries(2, tenant, queue)

    first, other = await both(database, Puller(tenant, None, queue), limit=1, claims=False)

    assert [*first, *other] == made
    assert [(await rows.row(tables.deliveries, one))["reason"] for one in dead] == ["payload_erased"] * 2


async def test_a_token_is_drawn_for_each_that_is_wanted_and_no_more(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId
) -> None:
    await rows.change(tables.endpoints, queue, rate_limit=20)
    made = await rows.deliveries(10, tenant, queue)
    pulls = pulls_of(database)

    found = [*await pulled(pulls, tenant, queue, 1), *await pulled(pulls, tenant, queue, 1)]

    assert found == made[:2]  # a tenth of a second's tokens


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[Redis]:
    """An empty Redis."""
    opened = open_redis(redis_url)
    yield opened
    await opened.aclose()


async def test_while_redis_is_away_two_processes_draw_one_share_together(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, redis: Redis, redis_url: str
) -> None:
    await rows.change(tables.endpoints, queue, rate_limit=40)
    await rows.deliveries(20, tenant, queue)
    meters = [Meter(redis, one) for one in await met(redis, 2)]
    first, other = [Pulls(database, one, RING, SETTINGS) for one in meters]

    with refusing_writes(redis_url):
        found = [await pulled(first, tenant, queue), await pulled(other, tenant, queue)]

    assert [len(one) for one in found] == [2, 2]  # a tenth of a second's


async def test_a_redis_that_comes_back_is_asked_again(
    database: Database, rows: Rows, tenant: TenantId, queue: EndpointId, redis: Redis, redis_url: str
) -> None:
    await rows.change(tables.endpoints, queue, rate_limit=1)
    await rows.deliveries(3, tenant, queue)
    (present,) = await met(redis, 1)
    pulls = Pulls(database, Meter(redis, present), RING, SETTINGS)
    with refusing_writes(redis_url):
        alone = await pulled(pulls, tenant, queue)
    away = present.away

    await present.meet(database.unix_seconds())

    assert (len(alone), away, present.away) == (1, True, False)
    assert len(await pulled(pulls, tenant, queue)) == 1  # of the bucket of all
