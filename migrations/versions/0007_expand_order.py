"""Find the head of each order, and what was asked for past it.

Revision ID: 0007
Revises: 0006
"""

from typing import Final

from alembic import op

from migrations.script import index_partitions

revision: Final = "0007"
down_revision: Final[str | None] = "0006"

INDEXES: Final = {
    "deliveries_order_idx": "(lane, coalesce(ordering_key, ''), sequence)"
    " WHERE status IN ('pending', 'retrying') AND lease_until IS NULL",
    "deliveries_asked_idx": "(lane) WHERE trigger IN ('resend', 'test') AND due_at IS NOT NULL",
}


def upgrade() -> None:
    """Build both on every partition, beside those who write."""
    for name, definition in INDEXES.items():
        index_partitions("deliveries", name, definition)


def downgrade() -> None:
    """Drop them; those of the partitions go with them."""
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
