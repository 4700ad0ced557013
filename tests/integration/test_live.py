"""Attempts as they happen: in the order in which they become visible, without gap or repeat."""

import pytest

from api import live as live_module
from api.live import Live
from core.database import Database
from core.journal.live_queries import Place
from core.journal.record_queries import record_attempts
from core.model.ids import DeliveryId, TenantId
from tests.support.claiming import DOWN, OK, UNKNOWN, claim_one, record, settled
from tests.support.rows import Rows


@pytest.fixture
async def live(database: Database) -> Live:
    """What reads attempts; its turns are taken by the test."""
    return Live(database)


@pytest.fixture
async def second(rows: Rows, tenant: TenantId) -> DeliveryId:
    """A delivery to another endpoint, whose outcomes are recorded beside those of the first."""
    return await rows.delivery(tenant, await rows.endpoint(tenant))


@pytest.fixture
async def began(live: Live) -> Place:
    """The place at which the test began."""
    return await live.horizon()


async def test_an_attempt_is_heard_of_once(
    live: Live, began: Place, database: Database, tenant: TenantId, delivery: DeliveryId
) -> None:
    with live.listening(tenant, began) as (feed, changed):
        await record(database, settled(await claim_one(database, delivery), OK))
        heard = [await live.tick(), await live.tick()]

        assert heard == [1, 0]
        assert changed.is_set()
        assert [one.delivery_id for one in feed.after(began) or ()] == [delivery]


async def test_one_that_commits_late_is_not_skipped(
    live: Live, began: Place, database: Database, tenant: TenantId, delivery: DeliveryId, second: DeliveryId
) -> None:
    early, late = await claim_one(database, delivery), await claim_one(database, second)
    with live.listening(tenant, began) as (feed, _):
        async with database.engine() as under_way:
            await record_attempts(under_way, settled=[settled(late, OK)])  # its transaction is the older one
            await record(database, settled(early, OK))
            meanwhile = await live.tick()
        after = await live.tick()

        assert (meanwhile, after) == (0, 2)
        assert [one.delivery_id for one in feed.after(began) or ()] == [second, delivery]


async def test_who_resumes_gets_what_came_after(
    live: Live, began: Place, database: Database, tenant: TenantId, delivery: DeliveryId, second: DeliveryId
) -> None:
    await record(database, settled(await claim_one(database, delivery), OK))
    (first,), _ = await live.page(tenant, began)
    await record(database, settled(await claim_one(database, second), DOWN))

    found, place = await live.page(tenant, first.place)

    assert [(one.delivery_id, one.outcome, one.error) for one in found] == [(second, "failed", "http_status")]
    assert list((await live.page(tenant, place))[0]) == []


async def test_an_outcome_that_came_late_is_told_again(
    live: Live, began: Place, database: Database, tenant: TenantId, delivery: DeliveryId
) -> None:
    claimed = await claim_one(database, delivery)
    await record(database, settled(claimed, UNKNOWN))
    found, place = await live.page(tenant, began)

    await record(database, settled(claimed, OK))

    again, _ = await live.page(tenant, place)
    assert [one.outcome for one in found] == ["unknown"]
    assert [(one.outcome, one.note, one.id) for one in again] == [("succeeded", "late", found[0].id)]


async def test_another_tenants_attempts_are_not_read(
    live: Live, began: Place, database: Database, rows: Rows, delivery: DeliveryId
) -> None:
    other = await rows.tenant()
    await record(database, settled(await claim_one(database, delivery), OK))

    found, _ = await live.page(other, began)

    assert list(found) == []


async def test_what_a_feed_does_not_keep_is_read_from_postgres(
    live: Live,
    began: Place,
    database: Database,
    tenant: TenantId,
    delivery: DeliveryId,
    second: DeliveryId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_module, "KEPT", 1)
    with live.listening(tenant, began) as (feed, _):
        await record(database, settled(await claim_one(database, delivery), OK))
        await record(database, settled(await claim_one(database, second), OK))
        await live.tick()

        assert feed.after(began) is None
        assert [one.delivery_id for one in feed.after(feed.floor) or ()] == [second]


async def test_too_many_missed_attempts_are_not_replayed(
    live: Live,
    began: Place,
    database: Database,
    tenant: TenantId,
    delivery: DeliveryId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await record(database, settled(await claim_one(database, delivery), OK))
    now = await live.horizon()
    allowed = await live.may_resume(tenant, began, now)
    monkeypatch.setattr(live_module, "REPLAY", 0)

    assert (allowed, await live.may_resume(tenant, began, now)) == (True, False)


async def test_a_place_of_another_database_is_not_resumed(live: Live, began: Place, tenant: TenantId) -> None:
    assert not await live.may_resume(tenant, Place(began.transaction + 1_000), began)
