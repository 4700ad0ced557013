"""Drop the index of due tasks that knew no type; a feeder from before goes on, and sorts what waits in a queue.

Revision ID: 0020
Revises: 0019
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers

revision: Final = "0020"
down_revision: Final[str | None] = "0019"


def upgrade() -> None:
    """Drop it once nobody reads it."""
    with beside_writers():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS tasks_due_idx")


def downgrade() -> None:
    """Build it again beside those who write."""
    with beside_writers():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS tasks_due_idx")
        op.execute(
            "CREATE INDEX CONCURRENTLY tasks_due_idx ON tasks (tenant_id, queue, due_at) WHERE due_at IS NOT NULL"
        )
