"""Events that share a transaction: nothing is lost or doubled, whatever becomes of the connection; too much is 503."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.database import Database, is_away
from core.intake import event_group
from core.intake.acceptance import Acceptance
from core.intake.dedupe import claim
from core.intake.event_group import EventGroups
from core.intake.event_queries import Line
from core.intake.judge import Judge
from core.intake.outcomes import Accepted
from core.intake.schemas import Schemas
from core.intake.shared import SIZE, Shared
from core.intake.together import AT_ONCE
from core.intake.wish import EventWish, line_of
from core.model.errors import ConflictError, UnavailableError
from core.model.ids import TenantId
from tests.integration.test_group import key, mortal, nowhere
from tests.support.rows import Rows
from tests.support.stack import eventually
from tests.support.stores import ask

COUNT = 100
MANY = 3 * SIZE
KINDS = "SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM deliveries) AS deliveries"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
DEAF = "a type that no constraint lets in: " + "t" * 128


def acceptance_of(database: Database, **limits: int) -> Acceptance:
    return Acceptance(database, nowhere(), Judge(), Schemas(database), **limits)


@pytest.fixture
def acceptance(database: Database) -> Acceptance:
    return acceptance_of(database)


def wish(number: int = 0, *, client_id: str | None = None, type_: str = "order.paid") -> EventWish:
    return EventWish(type=type_, data=b'{"n":%d}' % number, client_id=client_id)


def line(rows: Rows, tenant: TenantId, sent: EventWish | None = None) -> Line:
    return line_of(tenant, sent or wish(), rows.database.unix_seconds())


def accepted(outcomes: Sequence[object]) -> set[object]:
    return {one.event.id for one in outcomes if isinstance(one, Accepted)}


async def events_of(rows: Rows) -> set[object]:
    return {row["id"] for row in await rows.all("SELECT id FROM events")}


async def test_events_that_come_together_share_transactions(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    await rows.endpoint(tenant)

    made = await asyncio.gather(*(acceptance.accept(tenant, wish(n)) for n in range(COUNT)))

    transactions = await rows.one("SELECT count(DISTINCT created_at) AS count FROM events")
    assert accepted(made) == await events_of(rows)
    assert {one.event.deliveries for one in made} == {1}
    assert transactions["count"] in range(1, COUNT // 10)


async def test_every_kind_of_event_shares_a_group_and_keeps_what_is_its_own(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    other = await rows.tenant()
    await rows.endpoint(tenant, event_types=["order.*"])
    await rows.endpoint(other, status="disabled", disabled_reason="gone")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    odd = EventWish(type="a", data=b"1", timestamp=at, ordering_key="k", attributes={"source": "/s"})

    made = await asyncio.gather(
        acceptance.accept(tenant, wish(), key=key(tenant, "one")),
        acceptance.accept(other, wish(client_id="one")),
        acceptance.accept(tenant, odd),
        acceptance.accept(tenant, wish(type_="order.sent.twice")),
    )

    shown = [
        (one.event.tenant_id, one.event.type, one.event.client_id, one.event.ordering_key, one.event.deliveries)
        for one in made
    ]
    stored = await rows.one("SELECT timestamp, attributes, body FROM events WHERE id = :id", id=made[2].event.id)
    assert shown == [
        (tenant, "order.paid", None, None, 1),
        (other, "order.paid", "one", None, 1),
        (tenant, "a", None, "k", 0),
        (tenant, "order.sent.twice", None, None, 1),
    ]
    assert stored == {
        "timestamp": at,
        "attributes": {"source": "/s"},
        "body": b'{"type":"a","timestamp":"2026-01-01T00:00:00.000Z","data":1}',
    }


async def test_a_key_that_comes_many_times_at_once_makes_one_event(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    made = await asyncio.gather(*(acceptance.accept(tenant, wish(), key=key(tenant, "one")) for _ in range(COUNT)))

    assert accepted(made) == await events_of(rows)
    assert Counter(one.replayed for one in made) == {False: 1, True: COUNT - 1}


async def test_a_bad_event_fails_alone(acceptance: Acceptance, rows: Rows, tenant: TenantId) -> None:
    outcomes = await asyncio.gather(
        *(acceptance.accept(tenant, one) for one in (wish(1), wish(2, type_=DEAF), wish(3))), return_exceptions=True
    )

    assert [type(one) for one in outcomes] != [Accepted] * 3
    assert isinstance(outcomes[1], DBAPIError)
    assert not is_away(outcomes[1])
    assert accepted(outcomes) == await events_of(rows)
    assert len(accepted(outcomes)) == 2


async def test_what_failed_late_is_refused_instead_of_tried_alone(
    acceptance: Acceptance, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_group, "SOON", -1.0)

    outcomes = await asyncio.gather(
        *(acceptance.accept(tenant, one) for one in (wish(1), wish(2, type_=DEAF))), return_exceptions=True
    )

    assert [type(one) for one in outcomes] == [UnavailableError] * 2
    assert await events_of(rows) == set()


async def test_a_key_that_is_stuck_holds_up_none_of_its_group(
    acceptance: Acceptance, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_group, "SOON", 0.9)  # a busy machine may need more, transactions wait a second
    first = await acceptance.accept(tenant, wish())

    async with rows.database.engine() as tx:
        await claim(tx, key(tenant, "stuck"))
        *beside, stuck = await asyncio.gather(
            *(acceptance.accept(tenant, wish(n), key=key(tenant, f"k{n}")) for n in range(3)),
            acceptance.accept(tenant, wish(), key=key(tenant, "stuck")),
            return_exceptions=True,
        )

    assert [type(one) for one in beside] == [Accepted] * 3
    assert isinstance(stuck, ConflictError)
    assert await events_of(rows) == {first.event.id, *accepted(beside)}


async def test_an_event_that_was_committed_although_its_answer_was_lost_is_not_made_again(
    rows: Rows, tenant: TenantId
) -> None:
    await rows.endpoint(tenant)
    groups, sent = EventGroups(rows.database, nowhere()), line(rows, tenant)
    first = await groups.record(sent)

    again = await groups.record(sent)

    assert again == first
    assert await rows.one(KINDS) == {"events": 1, "deliveries": 1}


async def test_events_beyond_what_may_wait_in_number_are_refused_at_once(rows: Rows, tenant: TenantId) -> None:
    groups = EventGroups(rows.database, nowhere(), backlog=2)

    outcomes = await asyncio.gather(*(groups.record(line(rows, tenant)) for _ in range(5)), return_exceptions=True)

    assert [isinstance(one, UnavailableError) for one in outcomes] == [False, False, True, True, True]
    assert len(await events_of(rows)) == 2


async def test_events_beyond_what_may_wait_in_bytes_are_refused_at_once(rows: Rows, tenant: TenantId) -> None:
    sizes = (60, 30, 20, 10)
    groups = EventGroups(rows.database, nowhere(), backlog_bytes=100)
    sent = [line(rows, tenant, EventWish(type="a", data=b"1" * size)) for size in sizes]

    outcomes = await asyncio.gather(*(groups.record(one) for one in sent), return_exceptions=True)

    assert [isinstance(one, UnavailableError) for one in outcomes] == [False, False, True, False]
    assert await events_of(rows) == {sent[0].event.id, sent[1].event.id, sent[3].event.id}


async def test_what_was_refused_for_its_bytes_is_taken_when_there_is_room_again(rows: Rows, tenant: TenantId) -> None:
    groups = EventGroups(rows.database, nowhere(), backlog_bytes=100)
    big = EventWish(type="a", data=b"1" * 100)
    await groups.record(line(rows, tenant, big))

    again = await groups.record(line(rows, tenant, big))

    assert again is not None
    assert len(await events_of(rows)) == 2


@pytest.mark.parametrize("limits", [{"batches": 4}, {"batch_bytes": 40}])
async def test_batches_beyond_what_one_tenant_may_have_under_way_are_refused_at_once(
    rows: Rows, tenant: TenantId, limits: dict[str, int]
) -> None:
    acceptance, other = acceptance_of(rows.database, **limits), await rows.tenant()
    batch = [EventWish(type="a", data=b"12345")] * 2
    senders = (tenant, tenant, tenant, other, tenant, other)

    outcomes = await asyncio.gather(*(acceptance.accept_all(one, batch) for one in senders), return_exceptions=True)

    assert [isinstance(one, UnavailableError) for one in outcomes] == [False, False, True, False, True, True]
    assert len(await events_of(rows)) == 6


async def test_batches_leave_connections_to_others(rows: Rows, database_url: str, tenant: TenantId) -> None:
    small = Database(database_url, size=AT_ONCE)  # and the one for single statements
    acceptance, stuck = acceptance_of(small), key(tenant, "stuck")

    def look() -> None:
        assert int(ask(database_url, WAITING)) >= AT_ONCE

    async with rows.database.engine() as held:
        await claim(held, stuck)
        batches = [asyncio.ensure_future(acceptance.accept_all(tenant, [wish()], key=stuck)) for _ in range(30)]
        await asyncio.to_thread(eventually, look)
        async with small.engine() as tx:
            found = await tx.scalar(text("SELECT 1"))

    await asyncio.gather(*batches, return_exceptions=True)
    await small.close()
    assert found == 1


async def test_a_group_that_is_slow_does_not_hold_up_the_next() -> None:
    released = asyncio.Event()

    async def work(group: Sequence[str]) -> Sequence[str]:
        await (released.wait() if "slow" in group else asyncio.to_thread(int))
        return group

    shared = Shared[str, str](work, flushers=2)
    slow = asyncio.create_task(shared.add("slow"))
    await asyncio.to_thread(int)

    quick = await shared.add("quick")

    assert (quick, slow.done()) == ("quick", False)
    released.set()
    assert await slow == "slow"


async def test_a_crash_of_postgres_loses_no_event_that_was_accepted_and_makes_none_twice() -> None:
    async with mortal() as (server, rows, tenant):
        await rows.endpoint(tenant)
        acceptance = acceptance_of(rows.database)
        sends = [asyncio.ensure_future(acceptance.accept(tenant, wish(n, client_id=f"c{n}"))) for n in range(MANY)]
        await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)

        server.crash()

        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        failed = [one for one in outcomes if isinstance(one, Exception)]
        assert accepted(outcomes) <= await events_of(rows)
        assert all(is_away(one) or isinstance(one, UnavailableError) for one in failed)  # each of them is a 503
        await acceptance.accept_all(tenant, [wish(n, client_id=f"c{n}") for n in range(MANY)])
        assert await rows.one(KINDS) == {"events": MANY, "deliveries": MANY}
