"""Count the parts of a task that wait for a slot: a tenant with many of them starts no further task of parts.

Revision ID: 0022
Revises: 0021
"""

from typing import Final

from alembic import op

revision: Final = "0022"
down_revision: Final[str | None] = "0021"


def upgrade() -> None:
    """Additive: who does not know the column counts none, and starts whatever is due."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE tasks ADD COLUMN parts_waiting INTEGER DEFAULT 0 NOT NULL")


def downgrade() -> None:
    """Drop it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE tasks DROP COLUMN parts_waiting")
