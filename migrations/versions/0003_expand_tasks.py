"""Let waiting tasks expire, keep files of tasks and what tasks must not do twice.

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
    """Drop the index, the table with its rights, and the column with its check."""
    op.execute("DROP INDEX tasks_expiring_idx")
    op.execute("DROP TABLE task_markers")
    op.execute("ALTER TABLE tasks DROP COLUMN content")
