"""Partitions by time: they stand ahead, and leave only when nothing in them is unfinished."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, text
from sqlalchemy.exc import DBAPIError

from core.database import Database
from core.model import tables
from core.model.ids import TenantId, new_uuid7
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.upkeep.partitions import Partitions

PARENTS = ("events", "deliveries", "attempts")
NOTHING_TO_DO: dict[str, dict[str, object]] = {
    "events": {},
    "deliveries": {"status": "succeeded", "due_at": None, "succeeded_at": func.now(), "finished_at": func.now()},
    "attempts": {},
}


async def partition_of(rows: Rows, table: str, id_: UUID) -> str:
    """Return the partition that holds a row."""
    column = "delivery_id" if table == "attempts" else "id"
    found = await rows.one(f"SELECT tableoid::REGCLASS::TEXT AS name FROM {table} WHERE {column} = :id", id=id_)
    return str(found["name"])


async def drop(rows: Rows, partition: str) -> None:
    await rows.all("SELECT ringback_drop_partition(:name)", name=partition)


async def exists(rows: Rows, partition: str) -> bool:
    found = await rows.one("SELECT to_regclass(:name) IS NOT NULL AS there", name=partition)
    return bool(found["there"])


@pytest.fixture(autouse=True)
async def this_week(rows: Rows) -> None:
    """What a migration makes today: the tests' template may be of last week where they run past Sunday's midnight."""
    await rows.one("SELECT ringback_make_partitions()")


async def test_making_partitions_again_makes_none(database: Database) -> None:
    report = await Partitions(database).run_once()

    assert report.made == 0


@pytest.mark.parametrize("table", PARENTS)
async def test_partitions_stand_seven_days_ahead(database: Database, rows: Rows, tenant: TenantId, table: str) -> None:
    late = new_uuid7(database.unix_seconds() + timedelta(days=7).total_seconds())
    key = "delivery_id" if table == "attempts" else "id"

    await rows.put(tables.metadata.tables[table], tenant, **{key: late})

    assert await partition_of(rows, table, late)


async def test_more_partitions_are_made_for_a_longer_time_ahead(rows: Rows) -> None:
    made = await rows.one("SELECT ringback_make_partitions('28 days') AS made")

    assert made == {"made": 3 * 3}


async def test_a_turn_is_skipped_while_another_process_makes_partitions(database: Database) -> None:
    async with database.engine() as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(7102001), ringback_make_partitions('28 days')"))

        report = await Partitions(database).run_once()

    assert report.made == 0


@pytest.mark.parametrize("call", ["ringback_make_partitions('28 days')", "ringback_drop_partition('{}')"])
async def test_what_locks_a_whole_table_gives_up_before_others_do(
    database: Database, rows: Rows, tenant: TenantId, call: str
) -> None:
    partition = await partition_of(rows, "events", await rows.event(tenant))
    async with database.engine() as reader:
        await reader.exec_driver_sql("LOCK TABLE events IN ACCESS SHARE MODE")  # as a backup does for hours

        with pytest.raises(DBAPIError, match="lock timeout"):
            await rows.all(f"SELECT {call.format(partition)}")

    settings = await rows.all(
        "SELECT proname FROM pg_proc WHERE proname LIKE 'ringback_%_partition%' AND proconfig @> '{lock_timeout=200ms}'"
    )
    assert {row["proname"] for row in settings} == {"ringback_make_partitions", "ringback_drop_partition"}


@pytest.mark.parametrize("table", PARENTS)
async def test_an_empty_partition_is_dropped(rows: Rows, tenant: TenantId, table: str) -> None:
    made = await rows.put(tables.metadata.tables[table], tenant, **NOTHING_TO_DO[table])
    partition = await partition_of(rows, table, UUID(str(made["delivery_id" if table == "attempts" else "id"])))

    await drop(rows, partition)

    assert not await exists(rows, partition)


@pytest.mark.parametrize(
    "unfinished",
    [
        {},
        {"due_at": ago(-3600)},
        {"lease_until": ago(-60)},
        {"status": "succeeded", "succeeded_at": func.now(), "finished_at": func.now(), "due_at": ago(0)},
    ],
    ids=["due", "waiting", "leased", "resent"],
)
@pytest.mark.parametrize("table", ["events", "deliveries"])
async def test_a_partition_with_one_unfinished_delivery_is_not_dropped(
    rows: Rows, tenant: TenantId, unfinished: dict[str, object], table: str
) -> None:
    delivery = await rows.delivery(tenant, await rows.endpoint(tenant), **unfinished)
    row = await rows.row(tables.deliveries, delivery)
    partition = await partition_of(rows, table, UUID(str(row["event_id"] if table == "events" else delivery)))

    with pytest.raises(DBAPIError, match="unfinished"):
        await drop(rows, partition)

    assert await exists(rows, partition)


@pytest.mark.parametrize("name", ["deliveries", "tasks", "dedupe_0", "no_such_table", "pg_class"])
async def test_only_partitions_by_time_are_dropped(rows: Rows, name: str) -> None:
    with pytest.raises(DBAPIError, match="not a partition by time"):
        await drop(rows, name)


@pytest.mark.parametrize("call", ["ringback_make_partitions()", "ringback_drop_partition('x')"])
async def test_a_tenant_may_not_touch_partitions(database: Database, tenant: TenantId, call: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.tenant(tenant) as tx:
            await tx.execute(text(f"SELECT {call}"))


async def test_ids_of_the_database_carry_its_time(rows: Rows) -> None:
    found = await rows.one("SELECT ringback_uuid7('2026-01-01T00:00:00.123Z') AS id, ringback_uuid7() AS other")

    id_ = UUID(str(found["id"]))
    assert (id_.int >> 80, id_.version, id_.variant) == (1767225600123, 7, UUID(str(found["other"])).variant)


@pytest.mark.parametrize(
    ("moment", "least"),
    [
        ("2026-01-01T00:00:00.123Z", "019b76da-a87b-0000-0000-000000000000"),
        ("1970-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"),
        ("0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000"),
        ("9999-12-31T23:59:59.999Z", "e677d21f-dbff-0000-0000-000000000000"),
    ],
)
async def test_the_least_id_of_a_time_is_never_above_the_ids_of_that_time(rows: Rows, moment: str, least: str) -> None:
    found = await rows.one("SELECT ringback_floor(CAST(CAST(:at AS TEXT) AS TIMESTAMPTZ)) AS id", at=moment)

    assert found == {"id": UUID(least)}
