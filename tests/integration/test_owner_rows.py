"""What a transaction of one owner sees and writes: the database itself keeps the partners of a tenant apart."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import Table, insert, text
from sqlalchemy.exc import DBAPIError

from core.database import Database
from core.model import tables
from core.model.ids import TenantId
from tests.support.rows import Rows
from tests.support.samples import sample

OWNERS_ROWS = ["endpoints", "api_keys", "portal_links", "secrets", "deliveries", "attempts", "events"]
SEEN = [*OWNERS_ROWS, "rollups"]
OF_THE_TENANT = ["tasks", "task_markers", "dedupe", "sessions"]


@dataclass(frozen=True)
class Partners:
    """Two owners in one tenant, each with a row in every table that owners have; the tenant has one of each besides."""

    database: Database
    tenant: TenantId
    theirs: UUID
    """The other owner's endpoint."""

    async def change(self, sql: str, **values: object) -> int:
        """Run a statement as the first owner; return how many rows it changed."""
        async with self.database.tenant(self.tenant, "a") as tx:
            return (await tx.execute(text(sql), values)).rowcount

    async def seen(self, name: str, owner: str | None) -> int:
        """Count the rows of a table that an owner sees; `None` is the tenant itself."""
        async with self.database.tenant(self.tenant, owner) as tx:
            return int(await tx.scalar(text(f"SELECT count(*) FROM {name}")) or 0)


async def furnish(rows: Rows, tenant: TenantId, owner: str | None) -> UUID:
    endpoint = await rows.endpoint(tenant, owner=owner)
    await rows.put(tables.api_keys, tenant, owner=owner)
    await rows.put(tables.portal_links, tenant, owner=owner or "c")
    await rows.put(tables.secrets, tenant, endpoint_id=endpoint)
    await rows.put(tables.rollups, tenant, lane=endpoint)
    await rows.put(tables.attempts, tenant, delivery_id=await rows.delivery(tenant, endpoint))
    return endpoint


@pytest.fixture
async def partners(database: Database, rows: Rows) -> Partners:
    """Two owners, and what is no owner's."""
    tenant = await rows.tenant()
    await furnish(rows, tenant, "a")
    theirs = await furnish(rows, tenant, "b")
    await furnish(rows, tenant, None)
    await rows.put(tables.secrets, tenant)
    await rows.put(tables.dedupe, tenant, kind="request", key="POST /v1/keys k")
    await rows.put(tables.dedupe, tenant)
    await rows.put(tables.sessions, tenant)
    await rows.put(tables.task_markers, tenant)
    await rows.put(tables.event_types, tenant)
    return Partners(database, tenant, theirs)


@pytest.mark.parametrize("name", SEEN)
async def test_an_owner_sees_its_own_rows_only(partners: Partners, name: str) -> None:
    assert await partners.seen(name, "a") == 1


@pytest.mark.parametrize("name", SEEN)
async def test_the_tenant_itself_sees_the_rows_of_all_owners(partners: Partners, name: str) -> None:
    assert await partners.seen(name, None) >= 3


@pytest.mark.parametrize("name", OF_THE_TENANT)
async def test_what_is_no_owners_is_seen_by_none(partners: Partners, name: str) -> None:
    assert (await partners.seen(name, "a"), await partners.seen(name, None) > 0) == (0, True)


@pytest.mark.parametrize("name", [*SEEN, *OF_THE_TENANT])
async def test_an_owner_who_has_nothing_sees_nothing(partners: Partners, name: str) -> None:
    assert await partners.seen(name, "A") == 0


@pytest.mark.parametrize("name", [*SEEN, *OF_THE_TENANT])
async def test_an_owner_of_another_tenant_by_the_same_name_is_another(
    partners: Partners, rows: Rows, name: str
) -> None:
    stranger = await rows.tenant()

    async with partners.database.tenant(stranger, "a") as tx:
        seen = await tx.scalar(text(f"SELECT count(*) FROM {name}"))

    assert seen == 0


@pytest.mark.parametrize("name", [*OWNERS_ROWS, "task_markers", "tasks", "dedupe"])
async def test_an_owner_changes_no_row_but_its_own(partners: Partners, name: str) -> None:
    changed = await partners.change(f"UPDATE {name} SET tenant_id = tenant_id")

    assert changed == (name in OWNERS_ROWS)


@pytest.mark.parametrize(
    "name", ["attempts", "secrets", "deliveries", "endpoints", "api_keys", "events", "event_types"]
)
async def test_an_owner_deletes_no_row_but_its_own(partners: Partners, name: str) -> None:
    deleted = await partners.change(f"DELETE FROM {name}")

    assert deleted == (name in OWNERS_ROWS)


async def test_the_catalogue_is_read_by_owners_and_not_written(partners: Partners) -> None:
    assert await partners.seen("event_types", "a") == 1
    assert await partners.change("UPDATE event_types SET description = 'mine'") == 0


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (tables.endpoints, {"owner": "b"}),
        (tables.endpoints, {"owner": None}),
        (tables.api_keys, {"owner": "b"}),
        (tables.api_keys, {"owner": None}),
        (tables.portal_links, {"owner": "b"}),
        (tables.secrets, {"endpoint_id": None}),
        (tables.deliveries, {}),
        (tables.attempts, {}),
        (tables.events, {}),
        (tables.tasks, {}),
        (tables.event_types, {}),
        (tables.dedupe, {"kind": "request", "key": "POST /v1/keys mine"}),
    ],
)
async def test_an_owner_inserts_no_row_of_another(partners: Partners, table: Table, columns: dict[str, object]) -> None:
    values = sample(table, partners.tenant, partners.database.unix_seconds()) | columns

    with pytest.raises(DBAPIError, match="row-level security"):
        async with partners.database.tenant(partners.tenant, "a") as tx:
            await tx.execute(insert(table).values(**values))


async def test_an_owner_makes_no_secret_for_another_ones_endpoint(partners: Partners) -> None:
    values = sample(tables.secrets, partners.tenant, partners.database.unix_seconds())

    with pytest.raises(DBAPIError, match="row-level security"):
        async with partners.database.tenant(partners.tenant, "a") as tx:
            await tx.execute(insert(tables.secrets).values(**values | {"endpoint_id": partners.theirs}))


@pytest.mark.parametrize("name", ["endpoints", "api_keys", "portal_links"])
async def test_an_owner_gives_nothing_away(partners: Partners, name: str) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        await partners.change(f"UPDATE {name} SET owner = 'b'")


async def test_the_owner_of_a_transaction_ends_with_it(partners: Partners, database_url: str) -> None:
    one_connection = Database(database_url, size=1)
    async with one_connection.tenant(partners.tenant, "a") as tx:
        await tx.execute(text("SELECT 1"))

    async with one_connection.tenant(partners.tenant) as tx:
        seen = await tx.scalar(text("SELECT count(*) FROM endpoints"))

    await one_connection.close()
    assert seen == 3


async def owners_seen(database: Database, tenant: TenantId, owner: str | None) -> set[object]:
    """Return whose endpoints a transaction of an owner sees."""
    async with database.tenant(tenant, owner) as tx:
        await tx.execute(text("SELECT count(*) FROM generate_series(1, 5000)"))
        return set(await tx.scalars(text("SELECT owner FROM endpoints")))


async def test_a_hundred_at_once_on_three_connections_see_their_own(partners: Partners, database_url: str) -> None:
    three = Database(database_url, size=3)
    asked: list[str | None] = ["a", "b", None, "c"] * 25

    seen = await asyncio.gather(*[owners_seen(three, partners.tenant, owner) for owner in asked])

    await three.close()
    expected: list[set[object]] = [{"a"}, {"b"}, {"a", "b", None}, set()]
    assert seen == expected * 25


async def test_the_limit_on_endpoints_counts_those_of_all_owners(partners: Partners) -> None:
    assert await partners.seen("generate_series(1, ringback_count_endpoints())", "a") == 3


@pytest.mark.parametrize("owner", ["a' OR true --", str(UUID(int=7)), "ö" * 255, "a b\nc"])
async def test_an_owner_may_be_called_anything(database: Database, rows: Rows, owner: str) -> None:
    tenant = await rows.tenant()
    await furnish(rows, tenant, owner)
    await furnish(rows, tenant, "a")

    async with database.tenant(tenant, owner) as tx:
        seen = await tx.scalar(text("SELECT count(*) FROM attempts"))

    assert seen == 1
