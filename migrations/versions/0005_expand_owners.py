"""Let several partners live in one tenant: keys and endpoints of one owner, row-level security by owner.

Revision ID: 0005
Revises: 0004
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers, run_beside

revision: Final = "0005"
down_revision: Final[str | None] = "0004"
RESTRICTED: Final = [
    "endpoints",
    "api_keys",
    "secrets",
    "deliveries",
    "attempts",
    "events",
    "dedupe",
    "tasks",
    "task_markers",
]

# An owner's endpoints, and the deliveries to them, are found without a look at those of the tenant's other owners.
_CREATE: Final = """
CREATE INDEX CONCURRENTLY endpoints_tenant_id_owner_id_idx ON endpoints (tenant_id, owner, id) WHERE owner IS NOT NULL
"""
_DROP: Final = "DROP INDEX CONCURRENTLY IF EXISTS endpoints_tenant_id_owner_id_idx"


def upgrade() -> None:
    """Build the index (what an earlier try left is invalid and has to go first), then run the SQL beside this file."""
    with beside_writers():
        op.execute(_DROP)
        op.execute(_CREATE)
    run_beside(__file__)


def downgrade() -> None:
    """Drop the policies, their functions, the checks and the index."""
    for name in RESTRICTED:
        op.execute(f"DROP POLICY own_owner ON {name}")
    for verb in ("insert", "update", "delete"):
        op.execute(f"DROP POLICY no_owner_{verb} ON event_types")
    op.execute("DROP FUNCTION ringback_count_endpoints()")
    op.execute("DROP FUNCTION ringback_owner_prefix()")
    op.execute("DROP FUNCTION ringback_key_owner()")
    op.execute("ALTER TABLE api_keys DROP CONSTRAINT api_keys_owner")
    op.execute("ALTER TABLE endpoints DROP CONSTRAINT endpoints_owner")
    with beside_writers():
        op.execute(_DROP)
