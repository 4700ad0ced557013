"""Find events by the ID that their sender gave them, and mark deliveries whose payload was erased.

Revision ID: 0009
Revises: 0008
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers, index_partitions

revision: Final = "0009"
down_revision: Final[str | None] = "0008"


def upgrade() -> None:
    """Build the index partition by partition; nobody waits for it."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS payload_erased BOOLEAN")
    index_partitions("events", "events_client_id_idx", "(tenant_id, client_id, id) WHERE client_id IS NOT NULL")


def downgrade() -> None:
    """Undo `upgrade`."""
    with beside_writers():
        op.execute("SET lock_timeout = '2s'")
        op.execute("DROP INDEX IF EXISTS events_client_id_idx")
        op.execute("ALTER TABLE deliveries DROP COLUMN IF EXISTS payload_erased")
