import sys
from pathlib import Path

from cli.supervisor import Program


def migration() -> Program:
    """Return what brings the database at RINGBACK_DATABASE_URL to the newest schema."""
    root = Path(__file__).parents[1]
    # In the repository it lies at the root; a wheel has no root, and keeps it with the migrations.
    inis = (root / "alembic.ini", root / "migrations" / "alembic.ini")
    ini = next((path for path in inis if path.exists()), inis[0])
    return Program("migrations", (sys.executable, "-m", "alembic", "-c", str(ini), "upgrade", "head"))
