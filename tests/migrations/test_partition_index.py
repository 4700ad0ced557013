"""An index of a partitioned table is built beside those who write to its partitions."""

from asyncio import create_task, to_thread, wait

from core.database import Role, open_engine
from tests.conftest import migrate
from tests.support.stack import eventually
from tests.support.stores import ask

WRITE = "SET lock_timeout = '1s'; SET ROLE ringback_owner; DELETE FROM deliveries"
PARTITION = "SELECT min(inhrelid::REGCLASS::TEXT) FROM pg_inherits WHERE inhparent = 'deliveries'::REGCLASS"
INVALID = "SELECT count(*) FROM pg_index WHERE indrelid::REGCLASS::TEXT LIKE 'deliveries%' AND NOT indisvalid"
BUILDING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX CONC%_{}%'"
)
WITHOUT = """
SELECT count(*) FROM pg_inherits p WHERE p.inhparent = 'deliveries'::REGCLASS AND 2 <> (
    SELECT count(*) FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indexrelid WHERE x.indrelid = p.inhrelid
        AND i.inhparent IN ('deliveries_{}_idx'::REGCLASS, 'deliveries_asked_idx'::REGCLASS))
"""
BUILT = WITHOUT.format("order")  # by the revision that the tests run


async def test_deliveries_are_written_while_the_index_is_built(empty: str) -> None:
    migrate(empty, "upgrade", "0004")
    partition = ask(empty, PARTITION)
    engine = open_engine(empty, Role.OWNER, pooled=False)

    def write_meanwhile() -> None:
        def look() -> None:
            assert ask(empty, BUILDING.format(partition.removeprefix("deliveries_"))) == "1"

        eventually(look)
        ask(empty, WRITE)

    async with engine.connect() as long:
        await long.exec_driver_sql(f"LOCK TABLE {partition} IN ROW EXCLUSIVE MODE")
        migrating = create_task(to_thread(migrate, empty, "upgrade", "0007"))
        await to_thread(write_meanwhile)
    await wait([migrating])

    assert migrating.exception() is None
    assert (ask(empty, INVALID), ask(empty, BUILT)) == ("0", "0")


def test_what_an_earlier_try_left_is_built_again(empty: str) -> None:
    migrate(empty, "upgrade", "0004")
    partition = ask(empty, PARTITION)
    ask(empty, f"SET ROLE ringback_owner; CREATE INDEX {partition}_order_idx ON {partition} (id)")
    ask(
        empty,
        "SET ROLE ringback_owner; CREATE INDEX deliveries_asked_idx ON ONLY deliveries (lane)"
        " WHERE trigger IN ('resend', 'test') AND due_at IS NOT NULL",
    )

    migrate(empty, "upgrade", "0007")

    assert (ask(empty, INVALID), ask(empty, BUILT)) == ("0", "0")


def test_a_partition_that_is_made_later_has_the_indexes(database_url: str) -> None:
    ask(database_url, "SET ROLE ringback_engine; SELECT ringback_make_partitions('30 days')")

    assert ask(database_url, WITHOUT.format("turns")) == "0"
