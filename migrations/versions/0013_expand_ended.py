"""Find the endpoints that have ended lately, for which nothing may wait any more.

Revision ID: 0013
Revises: 0012
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers

revision: Final = "0013"
down_revision: Final[str | None] = "0012"


def upgrade() -> None:
    """Build the index beside those who write; what an earlier try left is built again."""
    with beside_writers():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS endpoints_ended_idx")
        op.execute(
            "CREATE INDEX CONCURRENTLY endpoints_ended_idx ON endpoints (updated_at)"
            " WHERE deleted_at IS NOT NULL OR status = 'disabled'"
        )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX IF EXISTS endpoints_ended_idx")
