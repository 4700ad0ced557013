"""Endpoints that are pulled from: they have no URL.

Revision ID: 0012
Revises: 0011
"""

from typing import Final

from alembic import op

revision: Final = "0012"
down_revision: Final[str | None] = "0011"


def upgrade() -> None:
    """Add the column; an endpoint of before is pushed to."""
    op.execute("ALTER TABLE endpoints ADD COLUMN mode TEXT NOT NULL DEFAULT 'push'")
    op.execute("ALTER TABLE endpoints ADD CONSTRAINT endpoints_mode CHECK (mode IN ('push', 'pull'))")
    op.execute("ALTER TABLE endpoints ADD CONSTRAINT endpoints_target CHECK ((mode = 'pull') = (url = ''))")


def downgrade() -> None:
    """Drop the column, and its constraints with it; what is pulled from cannot be pushed to, and goes."""
    op.execute("UPDATE endpoints SET deleted_at = coalesce(deleted_at, now()) WHERE mode = 'pull'")
    op.execute("ALTER TABLE endpoints DROP COLUMN mode")
