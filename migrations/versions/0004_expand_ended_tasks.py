"""Find tasks by the time of their end.

Revision ID: 0004
Revises: 0003
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers

revision: Final = "0004"
down_revision: Final[str | None] = "0003"

# What ended in the last minute is counted for /metrics without a look at what ended before.
_CREATE: Final = """
CREATE INDEX CONCURRENTLY tasks_finished_idx ON tasks (finished_at) WHERE finished_at IS NOT NULL
"""
_DROP: Final = "DROP INDEX CONCURRENTLY IF EXISTS tasks_finished_idx"


def upgrade() -> None:
    """Build the index; what an earlier try left is invalid and has to go first."""
    with beside_writers():
        op.execute(_DROP)
        op.execute(_CREATE)


def downgrade() -> None:
    """Drop the index."""
    with beside_writers():
        op.execute(_DROP)
