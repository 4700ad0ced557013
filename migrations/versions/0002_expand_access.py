"""Say who may do what: grants, row-level security, the functions that keep the partitions.

Revision ID: 0002
Revises: 0001
"""

from typing import Final

from alembic import op

from migrations.script import run_beside

revision: Final = "0002"
down_revision: Final[str | None] = "0001"
TABLES: Final = [
    "tenants",
    "api_keys",
    "secrets",
    "dedupe",
    "event_types",
    "endpoints",
    "tasks",
    "events",
    "deliveries",
    "attempts",
]


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_beside(__file__)


def downgrade() -> None:
    """Take back every right and drop the functions."""
    for name in TABLES:
        op.execute(f"DROP POLICY own_rows ON {name}")
        op.execute(f"DROP POLICY all_rows ON {name}")
        op.execute(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ringback_tenant, ringback_engine")
    op.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM ringback_tenant, ringback_engine")
    op.execute("DROP FUNCTION ringback_drop_partition(TEXT)")
    op.execute("DROP FUNCTION ringback_make_partitions(INTERVAL)")
    op.execute("DROP FUNCTION ringback_floor(TIMESTAMPTZ)")
    op.execute("DROP FUNCTION ringback_tenant_id()")
