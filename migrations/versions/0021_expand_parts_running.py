"""Count the parts of a task that run: a lease that runs out while none does is nobody's death.

Revision ID: 0021
Revises: 0020
"""

from typing import Final

from alembic import op

revision: Final = "0021"
down_revision: Final[str | None] = "0020"


def upgrade() -> None:
    """Additive: who does not know the column counts none, and a feeder from before goes by `leased_by`."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE tasks ADD COLUMN parts_running INTEGER DEFAULT 0 NOT NULL")


def downgrade() -> None:
    """Drop it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE tasks DROP COLUMN parts_running")
