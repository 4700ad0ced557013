"""The table of what is on the wire begins with what is on the wire, however often its revision has to be run."""

from tests.conftest import migrate
from tests.support.stores import ask

ON_THE_WIRE = """
SET ROLE ringback_engine;
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, due_at, lease_until,
                        claim, attempt_count)
SELECT m.id, m.id, m.id, 'order.paid', m.id, m.id, 'pending', 'first', now(),
       CASE n WHEN 1 THEN now() + INTERVAL '1 min' END, 1, 1
FROM (SELECT n, ringback_uuid7() AS id FROM generate_series(1, 2) n) m
"""
IN_STEP = """
SET ROLE ringback_engine;
SELECT count(*) FILTER (WHERE x.until = d.lease_until), count(*)
FROM leases x LEFT JOIN deliveries d ON d.lane = x.lane AND d.id = x.delivery_id
"""
FILLED = "SELECT DISTINCT reloptions FROM pg_class WHERE relname LIKE 'deliveries_p%' AND relkind = 'r'"
FORMER = "SELECT count(*) FROM pg_class WHERE relname IN ('deliveries_leased_idx', 'deliveries_order_idx')"


def test_what_is_on_the_wire_is_entered(empty: str) -> None:
    migrate(empty, "upgrade", "0015")
    ask(empty, ON_THE_WIRE)

    migrate(empty)

    assert (ask(empty, IN_STEP), ask(empty, FORMER)) == ("1|1", "0")


def test_what_was_taken_between_the_two_revisions_is_entered(empty: str) -> None:
    migrate(empty, "upgrade", "0016")
    ask(empty, ON_THE_WIRE)

    migrate(empty)

    assert ask(empty, IN_STEP) == "1|1"


def test_an_earlier_try_that_got_half_way_is_no_hindrance(empty: str) -> None:
    migrate(empty, "upgrade", "0016")
    ask(
        empty,
        "SET ROLE ringback_owner; DROP INDEX deliveries_turns_idx; UPDATE alembic_version SET version_num = '0015'",
    )

    migrate(empty)

    assert ask(empty, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'deliveries_turns_idx'::REGCLASS") == "t"


def test_old_partitions_and_new_ones_leave_room_for_a_claim(database_url: str) -> None:
    ask(database_url, "SET ROLE ringback_engine; SELECT ringback_make_partitions('30 days')")

    assert ask(database_url, FILLED) == "{fillfactor=50}"


def test_going_back_finds_leases_by_the_former_indexes(empty: str) -> None:
    migrate(empty)
    migrate(empty, "downgrade", "0015")

    assert (ask(empty, FORMER), ask(empty, FILLED)) == ("2", "")
