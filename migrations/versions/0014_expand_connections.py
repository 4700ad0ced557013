"""Count the attempts that opened a connection.

Revision ID: 0014
Revises: 0013
"""

from typing import Final

from alembic import op

revision: Final = "0014"
down_revision: Final[str | None] = "0013"


def upgrade() -> None:
    """Additive: who does not know the column counts none."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE rollups ADD COLUMN connected INTEGER DEFAULT 0 NOT NULL")


def downgrade() -> None:
    """Drop it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE rollups DROP COLUMN connected")
