"""Find the tasks that are due by their type: those of a type that nobody runs are not walked through.

Revision ID: 0019
Revises: 0018
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers

revision: Final = "0019"
down_revision: Final[str | None] = "0018"


def upgrade() -> None:
    """Build the index beside those who write; what an earlier try left is built again."""
    with beside_writers():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS tasks_due_type_idx")
        op.execute(
            "CREATE INDEX CONCURRENTLY tasks_due_type_idx ON tasks (tenant_id, queue, type, due_at)"
            " WHERE due_at IS NOT NULL"
        )


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX IF EXISTS tasks_due_type_idx")
