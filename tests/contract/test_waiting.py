"""Why a delivery waits, as its reader is told."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import func

from core import clock
from core.journal import held
from core.journal.held import HOLDS, bucket_key, hold_text
from core.model import ids, tables
from core.model.breaker import Hold
from core.model.ids import DeliveryId
from core.redis import open_redis
from tests.support.accounts import Account, data
from tests.support.apps import serving, settings_of
from tests.support.rows import Rows
from tests.support.samples import URL, ago

LEASED: dict[str, object] = {"lease_until": ago(-60), "claim": 1, "attempt_count": 1}


@pytest.fixture
async def acme(
    acme: Account, api_database: str, redis_store: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Account]:
    """A tenant that asks an API in this process, which waits for Redis longer than a slow machine takes."""
    monkeypatch.setattr(held, "PATIENCE", 5.0)
    async with serving(settings_of(database=api_database, redis=redis_store)) as client:
        client.headers["Authorization"] = acme.client.headers["authorization"]
        yield replace(acme, client=client)


@pytest.fixture
async def redis(redis_store: str) -> AsyncGenerator[Redis]:
    """The Redis of the API."""
    client = open_redis(redis_store)
    yield client
    await client.aclose()


async def why(acme: Account, *deliveries: DeliveryId) -> list[object]:
    """Return what reading each alone tells, once the list has told the same."""
    named = [ids.encode(ids.DELIVERY, one) for one in deliveries]
    alone = [(await acme.client.get(f"/v1/deliveries/{name}")).json()["waiting_for"] for name in named]
    listed = {one["id"]: one["waiting_for"] for one in data(await acme.client.get("/v1/deliveries"))}
    assert [listed[name] for name in named] == alone
    return alone


async def hold(redis: Redis, lane: UUID, seconds: float, length: float) -> None:
    """Have a deliverer hold a lane."""
    await redis.hset(HOLDS, lane.hex, hold_text(Hold(clock.unix_seconds() + seconds, length)))


async def drain(redis: Redis, lane: UUID) -> None:
    """Have a deliverer draw the last token of a lane; none comes within a minute, however slow the machine is."""
    await redis.set(bucket_key(lane), f"0.0 {(clock.unix_seconds() + 60) * 1000}")


async def test_what_is_due_and_has_a_free_way_waits_for_nothing(acme: Account, rows: Rows) -> None:
    made = await rows.deliveries(2, acme.tenant_id, await rows.endpoint(acme.tenant_id))

    assert await why(acme, *made) == [None, None]


async def test_behind_the_head_of_its_order_it_waits_for_that(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, ordering="fifo")
    head, second = await rows.deliveries(2, acme.tenant_id, endpoint)
    (keyed,) = await rows.deliveries(1, acme.tenant_id, endpoint, keys=1)
    await rows.change(tables.deliveries, head, due_at=ago(-60), wait_reason="schedule")

    assert await why(acme, head, second, keyed) == ["schedule", "order", None]


async def test_behind_a_head_on_the_wire_it_waits_for_its_order(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, ordering="fifo")
    head, second = await rows.deliveries(2, acme.tenant_id, endpoint)
    await rows.change(tables.deliveries, head, **LEASED)

    assert await why(acme, head, second) == [None, "order"]


async def test_where_as_many_are_on_the_wire_as_may_be_it_waits_for_one_of_them(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, max_in_flight=2)
    first, second, third = await rows.deliveries(3, acme.tenant_id, endpoint)
    await rows.change(tables.deliveries, first, **LEASED)
    before = await why(acme, third)
    await rows.change(tables.deliveries, second, **LEASED)

    assert (before, await why(acme, third)) == ([None], ["concurrency"])


@pytest.mark.parametrize(
    ("seconds", "length", "told"),
    [(30, 30, "breaker"), (-1, 30, "breaker"), (30, 0, "retry_after"), (-1, 0, None)],
    ids=["open", "about to be probed", "asked to pause", "no longer"],
)
async def test_a_held_lane_is_told_of(
    acme: Account, rows: Rows, redis: Redis, seconds: float, length: float, told: str | None
) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    made = await rows.deliveries(1, acme.tenant_id, endpoint)

    await hold(redis, endpoint, seconds, length)

    assert await why(acme, *made) == [told]


async def test_the_breaker_of_a_tasks_host_is_told_of(acme: Account, rows: Rows, redis: Redis) -> None:
    lane, task = rows.new_id(), await rows.task(acme.tenant_id)
    direct = await rows.delivery(acme.tenant_id, None, lane=lane, task_id=task, url=URL)

    await hold(redis, lane, 30, 30)

    assert await why(acme, direct) == ["breaker"]


async def test_a_lane_without_a_token_waits_for_its_rate_limit(acme: Account, rows: Rows, redis: Redis) -> None:
    limited, free = await rows.endpoint(acme.tenant_id, rate_limit=1), await rows.endpoint(acme.tenant_id)
    made = [await rows.delivery(acme.tenant_id, lane) for lane in (limited, free)]
    before = await why(acme, *made)

    await drain(redis, limited)
    await drain(redis, free)

    assert (before, await why(acme, *made)) == ([None, None], ["rate_limit", None])


async def test_what_was_asked_for_waits_for_no_pause_no_order_and_no_breaker(
    acme: Account, rows: Rows, redis: Redis
) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, ordering="fifo", status="paused")
    _, asked = await rows.deliveries(2, acme.tenant_id, endpoint)
    await rows.change(tables.deliveries, asked, trigger="resend")

    await hold(redis, endpoint, 30, 30)

    assert await why(acme, asked) == [None]


async def test_what_has_ended_waits_for_nothing(acme: Account, rows: Rows, redis: Redis) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    ended = {"status": "exhausted", "due_at": None, "finished_at": func.now()}
    done = await rows.delivery(acme.tenant_id, endpoint, **ended)

    await hold(redis, endpoint, 30, 30)

    assert await why(acme, done) == [None]
