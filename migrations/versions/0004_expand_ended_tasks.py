"""Find tasks by the time of their end.

Revision ID: 0004
Revises: 0003
"""

from typing import Final

from alembic import op

from migrations.script import run_beside

revision: Final = "0004"
down_revision: Final[str | None] = "0003"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_beside(__file__)


def downgrade() -> None:
    """Drop the index."""
    op.execute("DROP INDEX tasks_finished_idx")
