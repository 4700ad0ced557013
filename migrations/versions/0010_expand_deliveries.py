"""Reopen deliveries, find the troubled ones, follow attempts as they happen.

Revision ID: 0010
Revises: 0009
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers, index_partitions

revision: Final = "0010"
down_revision: Final[str | None] = "0009"

# What succeeds at once, as most does, is never in the first two.
_INDEXES: Final = (
    (
        "deliveries",
        "deliveries_troubled_idx",
        "(tenant_id, id) WHERE last_error IS NOT NULL OR status IN ('retrying', 'exhausted', 'cancelled')",
    ),
    (
        "deliveries",
        "deliveries_recoverable_idx",
        "(endpoint_id, sequence) WHERE status = 'exhausted' OR reason = 'endpoint_disabled'",
    ),
    ("attempts", "attempts_tenant_id_transaction_idx", "(tenant_id, transaction)"),
)


def upgrade() -> None:
    """Additive: a delivery that nobody asked to send again meanwhile has nothing in the new column."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS resend_asked_at TIMESTAMP WITH TIME ZONE")
    for table, index, what in _INDEXES:
        index_partitions(table, index, what)


def downgrade() -> None:
    """Undo `upgrade`."""
    with beside_writers():
        op.execute("SET lock_timeout = '2s'")
        for _, index, _ in _INDEXES:
            op.execute(f"DROP INDEX IF EXISTS {index}")
        op.execute("ALTER TABLE deliveries DROP COLUMN IF EXISTS resend_asked_at")
