"""Make the tables of both halves.

Revision ID: 0001
Revises:
"""

from typing import Final

from alembic import op

from migrations.script import run_beside

revision: Final = "0001"
down_revision: Final[str | None] = None
TABLES: Final = [
    "attempts",
    "deliveries",
    "events",
    "tasks",
    "task_types",
    "endpoints",
    "event_types",
    "dedupe",
    "secrets",
    "api_keys",
    "tenants",
]


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_beside(__file__)


def downgrade() -> None:
    """Drop everything that `upgrade` made."""
    for name in TABLES:
        op.execute(f"DROP TABLE {name}")
    op.execute("DROP SEQUENCE delivery_order")
    op.execute("DROP FUNCTION ringback_uuid7(TIMESTAMPTZ)")
