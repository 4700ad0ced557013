"""Find the endpoints that events go to past those that were deleted, whose rows stay.

Revision ID: 0023
Revises: 0022
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers

revision: Final = "0023"
down_revision: Final[str | None] = "0022"


def upgrade() -> None:
    """Build the index beside those who write; what an earlier try left is built again."""
    with beside_writers():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS endpoints_living_idx")
        op.execute(
            "CREATE INDEX CONCURRENTLY endpoints_living_idx ON endpoints (tenant_id, id) WHERE deleted_at IS NULL"
        )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX IF EXISTS endpoints_living_idx")
