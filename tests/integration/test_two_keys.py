"""Events with an `Idempotency-Key` and an ID of the client's own share transactions with all others."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence

import pytest

from core.database import Database, execute
from core.intake.acceptance import Acceptance
from core.intake.dedupe import KeyReusedError
from core.intake.outcomes import Accepted, ContentDiffersError, Refusal
from core.model import tables
from core.model.errors import GoneError
from core.model.ids import TenantId
from tests.integration.test_event_group import DEAF, WAITING, acceptance_of, accepted, events_of, wish
from tests.integration.test_group import key
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import eventually
from tests.support.stores import ask

COUNT = 100
KEYS = "SELECT kind, key FROM dedupe ORDER BY kind, key"
TAKE = """
INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, expires_at)
SELECT tenant_id, kind, :taken, fingerprint, made, expires_at FROM dedupe WHERE kind = :kind
"""


@pytest.fixture
def acceptance(database: Database) -> Acceptance:
    return acceptance_of(database)


async def held(rows: Rows) -> set[tuple[object, object]]:
    return {(row["kind"], str(row["key"]).rpartition(" ")[2]) for row in await rows.all(KEYS)}


def kinds(outcomes: Sequence[object]) -> list[type]:
    return [type(one) for one in outcomes]


async def test_they_share_transactions_and_hold_both_keys(acceptance: Acceptance, rows: Rows, tenant: TenantId) -> None:
    await rows.endpoint(tenant)

    made = await asyncio.gather(
        *(acceptance.accept(tenant, wish(n, client_id=f"c{n}"), key=key(tenant, f"k{n}")) for n in range(COUNT))
    )

    transactions = await rows.one("SELECT count(DISTINCT created_at) AS count FROM events")
    assert accepted(made) == await events_of(rows)
    assert {(one.replayed, one.event.deliveries) for one in made} == {(False, 1)}
    assert transactions["count"] in range(1, COUNT // 2)  # one of each kind would be 2; a slow machine makes more
    assert len(await held(rows)) == 2 * COUNT


async def test_the_same_request_many_times_at_once_makes_one_event(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    made = await asyncio.gather(
        *(acceptance.accept(tenant, wish(client_id="c"), key=key(tenant, "k")) for _ in range(COUNT))
    )

    assert accepted(made) == await events_of(rows)
    assert Counter(one.replayed for one in made) == {False: 1, True: COUNT - 1}


async def test_a_key_that_comes_with_two_bodies_in_one_group_is_refused_to_the_second_alone(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    outcomes = await asyncio.gather(
        acceptance.accept(tenant, wish(1, client_id="a"), key=key(tenant, "k", b"1")),
        acceptance.accept(tenant, wish(2, client_id="b"), key=key(tenant, "k", b"2")),
        acceptance.accept(tenant, wish(3, client_id="c"), key=key(tenant, "other")),
        acceptance.accept(tenant, wish(4)),
        return_exceptions=True,
    )

    assert kinds(outcomes) == [Accepted, KeyReusedError, Accepted, Accepted]
    assert accepted(outcomes) == await events_of(rows)
    assert await held(rows) == {("request", "k"), ("request", "other"), ("event", "a"), ("event", "c")}


async def test_a_key_that_is_held_is_refused_to_another_body_which_leaves_no_trace(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    first = await acceptance.accept(tenant, wish(1, client_id="a"), key=key(tenant, "k", b"1"))

    outcomes = await asyncio.gather(
        acceptance.accept(tenant, wish(2, client_id="b"), key=key(tenant, "k", b"2")),
        acceptance.accept(tenant, wish(1, client_id="a"), key=key(tenant, "k", b"1")),
        return_exceptions=True,
    )

    assert kinds(outcomes) == [KeyReusedError, Accepted]
    assert outcomes[1] == Accepted(first.event, replayed=True)
    assert await held(rows) == {("request", "k"), ("event", "a")}


async def test_a_new_key_with_an_id_that_is_held_gets_the_first_event_and_keeps_it(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    first = await acceptance.accept(tenant, wish(client_id="a"), key=key(tenant, "one"))

    again = await acceptance.accept(tenant, wish(client_id="a"), key=key(tenant, "two"))

    replayed = await acceptance.accept(tenant, wish(client_id="a"), key=key(tenant, "two"))
    assert (again, replayed) == (first, Accepted(first.event, replayed=True))
    assert await held(rows) == {("request", "one"), ("request", "two"), ("event", "a")}


async def test_two_new_keys_with_one_id_at_once_get_one_event_and_both_keep_it(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    made = await asyncio.gather(
        *(acceptance.accept(tenant, wish(client_id="a"), key=key(tenant, f"k{n}")) for n in range(5))
    )

    assert accepted(made) == await events_of(rows)
    assert {one.replayed for one in made} == {False}
    assert await held(rows) == {("event", "a"), *(("request", f"k{n}") for n in range(5))}


async def test_an_id_of_other_content_is_refused_and_frees_the_key(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    await acceptance.accept(tenant, wish(1, client_id="a"))

    with pytest.raises(ContentDiffersError):
        await acceptance.accept(tenant, wish(2, client_id="a"), key=key(tenant, "k"))

    assert await held(rows) == {("event", "a")}


async def test_keys_whose_time_is_over_are_new(acceptance: Acceptance, rows: Rows, tenant: TenantId) -> None:
    await acceptance.accept(tenant, wish(1, client_id="a"), key=key(tenant, "k", b"1"))
    async with rows.database.engine() as tx:
        await tx.execute(tables.dedupe.update().values(expires_at=ago(1)))

    again = await acceptance.accept(tenant, wish(2, client_id="a"), key=key(tenant, "k", b"2"))

    assert not again.replayed
    assert len(await events_of(rows)) == 2


async def by_its_key(acceptance: Acceptance, tenant: TenantId) -> None:
    await acceptance.accept(tenant, wish(client_id="a"), key=key(tenant, "k"))


async def by_its_id(acceptance: Acceptance, tenant: TenantId) -> None:
    await acceptance.accept(tenant, wish(client_id="a"))


@pytest.mark.parametrize("again", [by_its_key, by_its_id])
async def test_an_event_that_is_gone_is_told_in_one_way(
    acceptance: Acceptance,
    rows: Rows,
    tenant: TenantId,
    again: Callable[[Acceptance, TenantId], Coroutine[None, None, None]],
) -> None:
    await acceptance.accept(tenant, wish(client_id="a"), key=key(tenant, "k"))
    async with rows.database.engine() as tx:
        await tx.execute(tables.events.delete())

    with pytest.raises(GoneError, match="The event that was accepted first is past its retention"):
        await again(acceptance, tenant)


async def test_an_event_that_is_gone_is_told_of_its_line_in_a_batch(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    await acceptance.accept(tenant, wish(client_id="a"))
    async with rows.database.engine() as tx:
        await tx.execute(tables.events.delete())

    (line,), _ = await acceptance.accept_all(tenant, [wish(client_id="a")])

    assert line == Refusal("gone", "The event that was accepted first is past its retention.")


async def test_tenants_have_keys_of_their_own(acceptance: Acceptance, rows: Rows, tenant: TenantId) -> None:
    other = await rows.tenant()

    made = await asyncio.gather(
        *(acceptance.accept(one, wish(client_id="a"), key=key(one, "k")) for one in (tenant, other))
    )

    assert [(one.event.tenant_id, one.replayed) for one in made] == [(tenant, False), (other, False)]


async def test_a_bad_event_among_them_fails_alone_and_frees_its_keys(
    acceptance: Acceptance, rows: Rows, tenant: TenantId
) -> None:
    outcomes = await asyncio.gather(
        *(
            acceptance.accept(tenant, wish(n, client_id=f"c{n}", type_=type_), key=key(tenant, f"k{n}"))
            for n, type_ in enumerate(("order.paid", DEAF, "order.paid"))
        ),
        return_exceptions=True,
    )

    assert [isinstance(one, Accepted) for one in outcomes] == [True, False, True]
    assert accepted(outcomes) == await events_of(rows)
    assert await held(rows) == {("event", "c0"), ("event", "c2"), ("request", "k0"), ("request", "k2")}


@pytest.mark.parametrize("kind", ["request", "event"])
async def test_one_of_whose_keys_is_taken_meanwhile_takes_neither(
    acceptance: Acceptance, rows: Rows, tenant: TenantId, database_url: str, kind: str
) -> None:
    first = await acceptance.accept(tenant, wish(client_id="first"), key=key(tenant, "first"))
    taken = {"request": key(tenant, "k").key, "event": "a"}[kind]

    def look() -> None:
        assert ask(database_url, WAITING) == "1"

    async with rows.database.engine() as tx:
        await execute(tx, TAKE, kind=kind, taken=taken)
        sent = asyncio.create_task(acceptance.accept(tenant, wish(client_id="a"), key=key(tenant, "k")))
        await asyncio.to_thread(eventually, look)
    answered = await sent

    assert answered.event.id == first.event.id
    assert await events_of(rows) == {first.event.id}
