"""Let waiting tasks expire, and keep what tasks must not do twice.

Revision ID: 0003
Revises: 0002
"""

from typing import Final

from alembic import op

from migrations.script import run_beside

revision: Final = "0003"
down_revision: Final[str | None] = "0002"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_beside(__file__)


def downgrade() -> None:
    """Drop the index and the table, and its rights with it."""
    op.execute("DROP INDEX tasks_expiring_idx")
    op.execute("DROP TABLE task_markers")
