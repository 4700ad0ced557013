"""Let people sign in: sessions of the dashboard, portal links; read the counts of a whole tenant.

Revision ID: 0011
Revises: 0010
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers, run_beside

revision: Final = "0011"
down_revision: Final[str | None] = "0010"

_CREATE: Final = "CREATE INDEX CONCURRENTLY rollups_tenant_id_bucket_idx ON rollups (tenant_id, bucket)"
_DROP: Final = "DROP INDEX CONCURRENTLY IF EXISTS rollups_tenant_id_bucket_idx"


def upgrade() -> None:
    """Build the index (what an earlier try left is invalid and has to go first), then run the SQL beside this file."""
    with beside_writers():
        op.execute(_DROP)
        op.execute(_CREATE)
    run_beside(__file__)


def downgrade() -> None:
    """Undo `upgrade`: whoever is signed in has to sign in again."""
    op.execute("DROP TABLE sessions")
    op.execute("DROP TABLE portal_links")
    with beside_writers():
        op.execute(_DROP)
