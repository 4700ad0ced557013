"""${message}.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision: Final = ${repr(up_revision)}
down_revision: Final[str | None] = ${repr(down_revision)}


def upgrade() -> None:
    """Additive: what runs now must go on working."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    ${upgrades if upgrades else ""}


def downgrade() -> None:
    """Undo `upgrade`."""
    op.execute("SET LOCAL lock_timeout = '2s'")
    ${downgrades if downgrades else ""}
