"""Make and drop partitions so that nobody waits for it, or gives it up.

Revision ID: 0018
Revises: 0017
"""

from pathlib import Path
from typing import Final

from alembic import op

from migrations.script import run_beside

revision: Final = "0018"
down_revision: Final[str | None] = "0017"


def upgrade() -> None:
    """Change the two functions."""
    run_beside(__file__)


def downgrade() -> None:
    """Give them back what revision 0016 made of them."""
    op.execute("ALTER FUNCTION ringback_make_partitions(INTERVAL) SET lock_timeout = '2s'")
    script = Path(__file__).with_name("0016_expand_leases.sql").read_text(encoding="utf-8")
    op.execute(script[script.index("CREATE OR REPLACE FUNCTION ringback_drop_partition") :])
