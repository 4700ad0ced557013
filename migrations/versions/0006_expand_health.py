"""Count attempts, know who fails, and find what has passed its time.

Revision ID: 0006
Revises: 0005
"""

from typing import Final

from alembic import op

from migrations.script import beside_writers, run_beside

revision: Final = "0006"
down_revision: Final[str | None] = "0005"

_PARTS: Final = range(8)


def upgrade() -> None:
    """Index each part of `dedupe` beside its writers, then the whole, which adopts them; then run the SQL."""
    with beside_writers():
        for part in _PARTS:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS dedupe_{part}_expires_at_idx")
            op.execute(f"CREATE INDEX CONCURRENTLY dedupe_{part}_expires_at_idx ON dedupe_{part} (expires_at)")
    op.execute("CREATE INDEX dedupe_expires_at_idx ON dedupe (expires_at)")
    run_beside(__file__)


def downgrade() -> None:
    """Drop what was made."""
    op.execute("ALTER FUNCTION ringback_drop_partition(TEXT) SET lock_timeout = '2s'")
    op.execute("ALTER TABLE tenants DROP COLUMN emptied_to")
    op.execute("DROP INDEX endpoints_disabled_idx, endpoints_failing_idx")
    op.execute("ALTER TABLE endpoints DROP COLUMN failing_told_at")
    op.execute("DROP TABLE rollups")
    op.execute("DROP INDEX dedupe_expires_at_idx")
