"""What the migrations make is what `core/model/tables` describes, and they can be undone."""

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from core.database import open_engine
from core.model.tables import metadata
from tests.conftest import migrate
from tests.support.stores import ask

OURS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE AND relname !~ '^alembic_version'
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::REGNAMESPACE
UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::REGNAMESPACE AND typname !~ '^_?alembic_version'
UNION ALL SELECT 'right of ' || a.grantee::REGROLE FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'public'::REGNAMESPACE AND a.grantee::REGROLE::TEXT IN ('ringback_tenant', 'ringback_engine')
ORDER BY 1
"""
_OF_TABLES = "c.relnamespace = 'public'::REGNAMESPACE AND NOT c.relispartition AND c.relname <> 'alembic_version'"
CONSTRAINTS = f"""
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE {_OF_TABLES} ORDER BY 1, 2
"""
INDEXES = f"""
SELECT i.relname, pg_get_indexdef(i.oid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid WHERE {_OF_TABLES} ORDER BY 1
"""
COLUMNS = f"""
SELECT c.relname, c.relkind, pg_get_partkeydef(c.oid), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE {_OF_TABLES} AND c.relkind IN ('r', 'p', 'S') ORDER BY 1, 4
"""


@pytest.fixture(scope="module")
def scripts() -> ScriptDirectory:
    """The revisions."""
    return ScriptDirectory.from_config(Config("alembic.ini"))


@pytest.fixture
async def described(empty: str) -> str:
    """A database made from the tables' description."""
    engine = open_engine(empty, None, pooled=False)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return empty


def test_there_is_one_head(scripts: ScriptDirectory) -> None:
    assert len(scripts.get_heads()) == 1


def test_the_revisions_are_numbered_and_named_by_what_they_do(scripts: ScriptDirectory) -> None:
    revisions = [script.revision for script in scripts.walk_revisions()]

    assert sorted(revisions) == [f"{number:04}" for number in range(1, len(revisions) + 1)]


def test_the_tables_are_as_they_are_described(database_url: str) -> None:
    migrate(database_url, "check")


@pytest.mark.parametrize("catalogue", [CONSTRAINTS, INDEXES, COLUMNS], ids=["constraints", "indexes", "columns"])
def test_the_catalogue_is_the_one_that_the_description_makes(database_url: str, described: str, catalogue: str) -> None:
    assert ask(database_url, catalogue).splitlines() == ask(described, catalogue).splitlines()


def test_going_down_leaves_nothing(database_url: str) -> None:
    migrate(database_url, "downgrade", "base")

    assert ask(database_url, OURS) == ""


def test_up_down_and_up_again_makes_the_same(empty: str) -> None:
    migrate(empty)
    before = ask(empty, OURS)
    migrate(empty, "downgrade", "base")

    migrate(empty)

    assert ask(empty, OURS).splitlines() == before.splitlines()
