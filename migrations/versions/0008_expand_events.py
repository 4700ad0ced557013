"""Find events by the ID that their sender gave them.

Revision ID: 0008
Revises: 0007
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers, index_partitions

revision: Final = "0008"
down_revision: Final[str | None] = "0007"


def upgrade() -> None:
    """Build the index partition by partition; nobody waits for it."""
    index_partitions("events", "events_client_id_idx", "(tenant_id, client_id, id) WHERE client_id IS NOT NULL")


def downgrade() -> None:
    """Drop the index."""
    with beside_writers():
        op.execute("SET lock_timeout = '2s'")
        op.execute("DROP INDEX IF EXISTS events_client_id_idx")
