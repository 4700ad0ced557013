"""Keep which trace an event belongs to, and which endpoints want to be told.

Revision ID: 0015
Revises: 0014
"""

from typing import Final

from alembic import op

revision: Final = "0015"
down_revision: Final[str | None] = "0014"


def upgrade() -> None:
    """Additive: who does not know the columns sends no `traceparent`."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE events ADD COLUMN traceparent TEXT")
    op.execute("ALTER TABLE endpoints ADD COLUMN send_traceparent BOOLEAN DEFAULT false NOT NULL")


def downgrade() -> None:
    """Drop them."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE endpoints DROP COLUMN send_traceparent")
    op.execute("ALTER TABLE events DROP COLUMN traceparent")
