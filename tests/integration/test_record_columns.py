"""What all attempts of a batch have in common is sent once: each is recorded with its own all the same."""

import pytest
from msgspec import structs

from core.database import Database
from core.journal.record import Settled
from core.journal.record_columns import TYPES, columns_of
from core.journal.success_queries import record_successes
from core.model.ids import TenantId
from core.model.outcome import Outcome, Response, Timings
from tests.support.claiming import DOWN, OK, claim, record, settled
from tests.support.rows import Rows

PLAIN = structs.replace(OK, response=Response(200, (("Server", "a"),), b"ok", truncated=False), address="127.0.0.1")
OTHER = structs.replace(
    OK,
    timings=Timings(first_byte=1.5, total=2.5),
    response=Response(202, (), b"", truncated=True),
    address="::1",
    note="reset_in_body",
)
BARE = structs.replace(PLAIN, address=None)
LOGGED = """
SELECT a.delivery_id, a.number, a.trigger, a.outcome, a.error, a.response_status, a.response_headers, a.response_body,
       a.response_truncated, a.address, a.note, a.first_byte_ms, a.total_ms, a.started_at, d.status, d.step,
       d.wait_reason, d.last_response_code
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id ORDER BY a.delivery_id
"""
Logged = list[dict[str, object]]


async def claimed(database: Database, rows: Rows, tenant: TenantId, *outcomes: Outcome) -> list[Settled]:
    made = await rows.deliveries(len(outcomes), tenant, await rows.endpoint(tenant))
    leased = sorted(await claim(database, *made), key=lambda one: one.delivery_id)
    return [settled(one, outcome) for one, outcome in zip(leased, outcomes, strict=True)]


def logged(one: Settled) -> dict[str, object]:
    answer = one.outcome.response
    return {
        "delivery_id": one.delivery_id,
        "number": one.number,
        "trigger": one.trigger,
        "outcome": one.outcome.kind,
        "error": one.outcome.error,
        "response_status": answer and answer.status,
        "response_headers": answer and [list(pair) for pair in answer.headers],
        "response_body": answer and answer.body,
        "response_truncated": answer and answer.truncated,
        "address": one.outcome.address,
        "note": one.outcome.note,
        "first_byte_ms": one.outcome.timings.first_byte,
        "total_ms": one.outcome.timings.total,
        "started_at": one.started_at,
        "status": one.verdict.status,
        "step": one.verdict.step,
        "wait_reason": one.verdict.waiting_for,
        "last_response_code": answer and answer.status,
    }


@pytest.mark.parametrize(
    "outcomes",
    [(PLAIN,), (PLAIN,) * 3, (PLAIN, OTHER, PLAIN), (BARE, PLAIN, BARE), (PLAIN, BARE), (BARE, PLAIN), (BARE,) * 2],
    ids=["one", "alike", "one between", "one address", "the first address", "the last address", "no address"],
)
async def test_successes_are_each_recorded_as_they_were(
    database: Database, rows: Rows, tenant: TenantId, outcomes: tuple[Outcome, ...]
) -> None:
    batch = await claimed(database, rows, tenant, *outcomes)

    async with database.statement() as tx:
        assert await record_successes(tx, settled=batch)

    assert await rows.all(LOGGED) == tuple(logged(one) for one in batch)


@pytest.mark.parametrize(
    "outcomes", [(DOWN,) * 3, (DOWN, PLAIN, DOWN), (PLAIN, DOWN, PLAIN)], ids=["alike", "one success", "one failure"]
)
async def test_outcomes_are_each_recorded_as_they_were(
    database: Database, rows: Rows, tenant: TenantId, outcomes: tuple[Outcome, ...]
) -> None:
    batch = await claimed(database, rows, tenant, *outcomes)

    await record(database, *batch)

    assert await rows.all(LOGGED) == tuple(logged(one) for one in batch)


async def test_what_is_the_same_for_all_is_sent_once_and_what_is_nothing_not_at_all(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    columns = columns_of(await claimed(database, rows, tenant, PLAIN, BARE, PLAIN), TYPES)

    assert [len(columns[name]) for name in ("delivery_id", "code", "address", "error")] == [3, 1, 3, 0]
