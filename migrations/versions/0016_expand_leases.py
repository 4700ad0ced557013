"""Keep what is on the wire in a table of its own, so that a claim writes to no index of deliveries.

Revision ID: 0016
Revises: 0015
"""

from pathlib import Path
from typing import Final

from alembic import op

from migrations.script import index_partitions, run_beside

revision: Final = "0016"
down_revision: Final[str | None] = "0015"

_OLD: Final = """
DO $$
DECLARE
    part REGCLASS;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'deliveries'::REGCLASS LOOP
        EXECUTE format('ALTER TABLE %s RESET (fillfactor)', part);
    END LOOP;
END
$$
"""


def upgrade() -> None:
    """Additive: who does not know the table finds leases as before, by `deliveries_leased_idx`."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    run_beside(__file__)
    index_partitions(
        "deliveries",
        "deliveries_turns_idx",
        "(lane, coalesce(ordering_key, ''), sequence) WHERE status IN ('pending', 'retrying')",
    )


def downgrade() -> None:
    """Undo `upgrade`."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    for name in ("ringback_make_partitions", "ringback_drop_partition"):
        op.execute(_function_before(name))
    op.execute("ALTER FUNCTION ringback_drop_partition(TEXT) SET lock_timeout = '200ms'")  # since 0006
    op.execute(_OLD)
    op.execute("DROP INDEX deliveries_turns_idx")
    op.execute("DROP TABLE leases")


def _function_before(name: str) -> str:
    """Return the function as revision 0002 makes it."""
    script = Path(__file__).with_name("0002_expand_access.sql").read_text(encoding="utf-8")
    begin = script.index(f"CREATE FUNCTION {name}")
    return script[begin : script.index("\n$$;", begin) + 3].replace("CREATE", "CREATE OR REPLACE", 1)
