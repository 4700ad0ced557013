"""An attempt's ID is a UUIDv7 of the moment in which it was recorded, and no other attempt has it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import RFC_4122, UUID

import pytest

from core.database import Database
from core.journal.success_queries import record_successes
from core.model.ids import EndpointId, TenantId
from core.model.outcome import Outcome
from tests.support.claiming import DOWN, OK, UNKNOWN, claim, claim_one, record, settled
from tests.support.rows import Rows


async def recorded(rows: Rows) -> Sequence[tuple[UUID, int]]:
    """Return each attempt's ID, and the milliseconds since 1970 at which it was recorded."""
    found = await rows.all("SELECT id, recorded_at FROM attempts ORDER BY delivery_id, number")
    return [(UUID(str(row["id"])), milliseconds(row["recorded_at"])) for row in found]


def milliseconds(at: object) -> int:
    """Return the whole milliseconds of a time."""
    assert isinstance(at, datetime)
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def of_time(id_: UUID) -> int:
    """Return the milliseconds that an ID was made at."""
    return id_.int >> 80


@pytest.mark.parametrize("outcome", [OK, DOWN, UNKNOWN], ids=["success", "failure", "unknown"])
async def test_an_attempt_is_named_by_when_it_was_recorded(
    rows: Rows, database: Database, delivery: UUID, outcome: Outcome
) -> None:
    await record(database, settled(await claim_one(database, delivery), outcome))

    ((id_, at),) = await recorded(rows)
    assert (id_.version, id_.variant, of_time(id_)) == (7, RFC_4122, at)


async def test_a_batch_of_successes_is_named_so_as_well(
    rows: Rows, database: Database, tenant: TenantId, endpoint: EndpointId
) -> None:
    taken = await claim(database, *await rows.deliveries(20, tenant, endpoint))

    async with database.engine() as tx:
        assert await record_successes(tx, settled=[settled(one, OK) for one in taken])

    named = await recorded(rows)
    assert {(id_.version, id_.variant, of_time(id_) == at) for id_, at in named} == {(7, RFC_4122, True)}
    assert len({id_ for id_, _ in named}) == 20


async def test_two_attempts_of_one_delivery_have_ids_of_their_own(
    rows: Rows, database: Database, delivery: UUID
) -> None:
    await record(database, settled(await claim_one(database, delivery), UNKNOWN))
    await record(database, settled(await claim_one(database, delivery), OK))

    (first, _), (second, _) = await recorded(rows)
    assert (first.bytes[6:8], second.bytes[6:8]) == (b"\x70\x01", b"\x70\x02")
    assert first.bytes[8:] == second.bytes[8:] == delivery.bytes[8:]
