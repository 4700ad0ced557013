"""Show the public half of an endpoint's Ed25519 key without opening its secret.

Revision ID: 0008
Revises: 0007
"""

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final[str | None] = "0007"


def upgrade() -> None:
    """Add the column; an endpoint of before signs by HMAC and has none."""
    op.execute("ALTER TABLE endpoints ADD COLUMN public_key TEXT")
    op.execute(
        "ALTER TABLE endpoints ADD CONSTRAINT endpoints_public_key"
        " CHECK ((signature = 'ed25519') = (public_key IS NOT NULL))"
    )


def downgrade() -> None:
    """Drop the column, and the constraint with it."""
    op.execute("ALTER TABLE endpoints DROP COLUMN public_key")
