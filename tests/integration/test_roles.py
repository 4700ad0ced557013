"""Who may see and write what, as the database itself enforces it."""

from dataclasses import dataclass

import pytest
from sqlalchemy import Table, insert, text
from sqlalchemy.exc import DBAPIError

from core.database import Database, Role, open_engine
from core.model import tables
from core.model.ids import TenantId
from tests.support.rows import Rows
from tests.support.samples import own_column, sample

OWNED = [table for table in tables.metadata.sorted_tables if table.name not in {"task_types", "leases"}]
WRITABLE = [table for table in OWNED if table.name not in {"tenants", "rollups", "sessions"}]
PARENTS = "c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::REGNAMESPACE"
REFUSED = r"row-level security|permission denied"


def each(of: list[Table]) -> pytest.MarkDecorator:
    """Run a test once for each of these tables."""
    return pytest.mark.parametrize("table", of, ids=lambda table: table.name)


@dataclass(frozen=True)
class Neighbours:
    """Two tenants, each with a row in every table."""

    database: Database
    first: TenantId
    second: TenantId

    async def change(self, sql: str, **values: object) -> int:
        """Run a statement as the first tenant; return how many rows it changed."""
        async with self.database.tenant(self.first) as tx:
            return (await tx.execute(text(sql), values)).rowcount


@pytest.fixture
async def neighbours(database: Database, rows: Rows) -> Neighbours:
    """Two tenants in the test's own database."""
    made = Neighbours(database, await rows.tenant(), await rows.tenant())
    for table in [*WRITABLE, tables.rollups, tables.sessions]:
        await rows.put(table, made.first)
        await rows.put(table, made.second)
    return made


async def test_every_table_with_a_tenant_has_row_level_security_enabled_and_forced(rows: Rows) -> None:
    secured = await rows.all(
        f"SELECT c.relname AS name FROM pg_class c WHERE {PARENTS} AND c.relrowsecurity AND c.relforcerowsecurity"
    )

    assert {row["name"] for row in secured} == {table.name for table in OWNED}


async def test_no_other_table_has_a_tenant(rows: Rows) -> None:
    bare = await rows.all(
        f"""
        SELECT c.relname AS name FROM pg_class c WHERE {PARENTS} AND NOT EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
        """
    )

    assert {row["name"] for row in bare} == {"tenants", "task_types", "leases", "alembic_version"}


@each(OWNED)
async def test_a_tenant_sees_only_its_own_rows(neighbours: Neighbours, table: Table) -> None:
    async with neighbours.database.tenant(neighbours.first) as tx:
        seen = await tx.scalars(text(f"SELECT {own_column(table)} FROM {table.name}"))

    assert set(seen) == {neighbours.first}


@each(OWNED)
async def test_without_a_tenant_nothing_is_seen(neighbours: Neighbours, database_url: str, table: Table) -> None:
    assert neighbours.first != neighbours.second
    engine = open_engine(database_url, Role.TENANT, pooled=False)

    async with engine.begin() as tx:
        seen = await tx.scalar(text(f"SELECT count(*) FROM {table.name}"))

    assert seen == 0


async def test_the_tenant_of_a_transaction_ends_with_it(neighbours: Neighbours, database_url: str) -> None:
    one_connection = Database(database_url, size=1)
    async with one_connection.tenant(neighbours.first) as tx:
        await tx.execute(text("SELECT 1"))

    async with one_connection.tenant(neighbours.second) as tx:
        seen = await tx.scalars(text("SELECT tenant_id FROM endpoints"))

    await one_connection.close()
    assert set(seen) == {neighbours.second}


@each(OWNED)
async def test_a_tenant_cannot_insert_a_row_of_another(neighbours: Neighbours, table: Table) -> None:
    values = sample(table, neighbours.second, neighbours.database.unix_seconds())

    with pytest.raises(DBAPIError, match=REFUSED):
        async with neighbours.database.tenant(neighbours.first) as tx:
            await tx.execute(insert(table).values(**values))


@each(WRITABLE)
async def test_a_tenant_cannot_update_a_row_of_another(neighbours: Neighbours, table: Table) -> None:
    changed = await neighbours.change(
        f"UPDATE {table.name} SET tenant_id = tenant_id WHERE tenant_id = :other", other=neighbours.second
    )

    assert changed == 0


@each(WRITABLE)
async def test_a_tenant_cannot_give_a_row_to_another(neighbours: Neighbours, table: Table) -> None:
    with pytest.raises(DBAPIError, match=REFUSED):
        await neighbours.change(f"UPDATE {table.name} SET tenant_id = :other", other=neighbours.second)


@each(WRITABLE)
async def test_a_tenant_cannot_delete_a_row_of_another(neighbours: Neighbours, table: Table) -> None:
    changed = await neighbours.change(f"DELETE FROM {table.name} WHERE tenant_id = :other", other=neighbours.second)

    assert changed == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE tenants SET endpoints = 1",
        "DELETE FROM tenants",
        "DELETE FROM task_types",
        "DELETE FROM rollups",
        "DELETE FROM sessions",
    ],
)
async def test_a_tenant_cannot_change_what_the_operator_or_the_workers_say(neighbours: Neighbours, sql: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        await neighbours.change(sql)


async def test_no_role_but_the_owner_has_rights_on_partitions(rows: Rows) -> None:
    granted = await rows.all(
        """
        SELECT c.relname, r.rolname FROM pg_class c, pg_roles r
        WHERE c.relispartition AND c.relkind = 'r' AND r.rolname IN ('ringback_tenant', 'ringback_engine')
          AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
        """
    )

    assert granted == ()


@pytest.mark.parametrize("role", [Role.TENANT, Role.ENGINE])
@pytest.mark.parametrize("sql", ["CREATE TABLE x (a INT)", "ALTER TABLE tasks ADD x INT", "TRUNCATE deliveries"])
async def test_no_role_but_the_owner_makes_or_alters_tables(database_url: str, role: Role, sql: str) -> None:
    engine = open_engine(database_url, role, pooled=False)

    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        async with engine.begin() as tx:
            await tx.execute(text(sql))


async def test_the_login_itself_reads_nothing(database_url: str) -> None:
    engine = open_engine(database_url, None, pooled=False)

    with pytest.raises(DBAPIError, match="permission denied"):
        async with engine.begin() as tx:
            await tx.execute(text("SELECT * FROM tasks"))
