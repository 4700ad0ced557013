"""Drop the indexes that each claim had to write to.

Revision ID: 0017
Revises: 0016
"""

from typing import Final

from alembic import op

from migrations.script import index_partitions

revision: Final = "0017"
down_revision: Final[str | None] = "0016"


def upgrade() -> None:
    """No deliverer and no API process from before 0016 may run any more; what such a one has leased is entered here."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute(
        "INSERT INTO leases (lane, delivery_id, until) SELECT lane, id, lease_until FROM deliveries"
        " WHERE lease_until IS NOT NULL ON CONFLICT DO NOTHING"
    )
    op.execute("DROP INDEX deliveries_leased_idx")
    op.execute("DROP INDEX deliveries_order_idx")


def downgrade() -> None:
    """Build both again, beside those who write."""
    index_partitions("deliveries", "deliveries_leased_idx", "(lane, lease_until) WHERE lease_until IS NOT NULL")
    index_partitions(
        "deliveries",
        "deliveries_order_idx",
        "(lane, coalesce(ordering_key, ''), sequence) WHERE status IN ('pending', 'retrying') AND lease_until IS NULL",
    )
