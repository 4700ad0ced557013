"""What the database's own catalogue says of row-level security and rights: nothing less than meant, and nothing more.

Each test looks at every table that there is, so that one which comes later has to be as the others are, or be named
here with its reason.
"""

from typing import cast

import pytest

from tests.support.rows import Rows

ALL = {"SELECT", "INSERT", "UPDATE", "DELETE"}
ROLES = ("ringback_tenant", "ringback_engine")
OF_NO_TENANT = {
    "task_types",  # of the workers
    "alembic_version",  # of the migrations
    "leases",  # of deliverers: what is on the wire, whosever it is
}
NOT_BY_OWNER = {
    "tenants",  # an owner may know the limits of the tenant in which it lives
    "event_types",  # the tenant's word to all its partners: read by all, written by none of them
}
RIGHTS = {
    ("tenants", "ringback_tenant"): {"SELECT"},  # the operator changes them
    ("rollups", "ringback_tenant"): {"SELECT"},  # deliverers count
    ("sessions", "ringback_tenant"): {"SELECT"},  # who signs in has no tenant yet
    ("task_types", "ringback_tenant"): {"SELECT"},
    ("leases", "ringback_tenant"): set[str](),
    ("alembic_version", "ringback_tenant"): set[str](),
    ("alembic_version", "ringback_engine"): set[str](),
}
"""Where a role may do less than everything."""

TABLES = """
SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       pg_get_userbyid(c.relowner) AS owner,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'
               AND NOT a.attisdropped AND a.attnotnull) AS has_tenant
FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relnamespace = 'public'::REGNAMESPACE
"""
POLICIES = """
SELECT tablename AS name, policyname AS policy, permissive, array_to_string(roles, ' ') AS roles, cmd,
       qual, coalesce(with_check, qual) AS checked
FROM pg_policies WHERE schemaname = 'public'
"""
GRANTS = """
SELECT c.relname AS name, coalesce(nullif(a.grantee, 0)::REGROLE::TEXT, 'public') AS role, a.privilege_type AS right
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relnamespace = 'public'::REGNAMESPACE
"""
OTHER_GRANTS = """
SELECT attrelid::REGCLASS::TEXT AS name FROM pg_attribute WHERE attacl IS NOT NULL
    AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::REGNAMESPACE)
UNION ALL SELECT relname FROM pg_class, aclexplode(relacl) a WHERE relispartition AND a.grantee <> relowner
"""
DEFINERS = """
SELECT p.proname AS name, ARRAY(SELECT a.grantee::REGROLE::TEXT FROM aclexplode(p.proacl) a
                                WHERE a.grantee <> p.proowner ORDER BY 1) AS callers, p.proconfig AS settings
FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::REGNAMESPACE
"""
POWERS = """
SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'ringback%' AND (rolsuper OR rolbypassrls OR rolcanlogin)
    AND rolname IN ('ringback_owner', 'ringback_tenant', 'ringback_engine')
"""


@pytest.fixture
async def tables(rows: Rows) -> dict[str, dict[str, object]]:
    """Every table and view, by its name."""
    return {str(row["name"]): row for row in await rows.all(TABLES)}


@pytest.fixture
async def policies(rows: Rows) -> dict[str, list[dict[str, object]]]:
    """The policies of each table."""
    found = await rows.all(POLICIES)
    return {str(row["name"]): [one for one in found if one["name"] == row["name"]] for row in found}


async def test_every_table_is_the_owners(tables: dict[str, dict[str, object]]) -> None:
    assert {str(table["owner"]) for table in tables.values()} == {"ringback_owner"}


async def test_every_table_but_those_of_no_tenant_has_a_tenant(tables: dict[str, dict[str, object]]) -> None:
    without = {name for name, table in tables.items() if not table["has_tenant"]}

    assert without == {"tenants", "sessions", *OF_NO_TENANT}  # an operator's session is of no tenant


async def test_row_level_security_is_forced_wherever_there_is_a_tenant(tables: dict[str, dict[str, object]]) -> None:
    forced = {name for name, table in tables.items() if table["enabled"] and table["forced"]}

    assert forced == set(tables) - OF_NO_TENANT


async def test_what_is_let_in_is_the_same_for_every_table(
    tables: dict[str, dict[str, object]], policies: dict[str, list[dict[str, object]]]
) -> None:
    let_in = {
        name: {
            (one["policy"], one["roles"], one["cmd"], one["qual"], one["checked"])
            for one in policies.get(name, [])
            if one["permissive"] == "PERMISSIVE"
        }
        for name in set(tables) - OF_NO_TENANT
    }

    own = {name: f"({'id' if name == 'tenants' else 'tenant_id'} = ringback_tenant_id())" for name in let_in}
    assert let_in == {
        name: {
            ("own_rows", "ringback_tenant", "ALL", own[name], own[name]),
            ("all_rows", "ringback_engine ringback_owner", "ALL", "true", "true"),
        }
        for name in let_in
    }


async def test_every_table_says_what_an_owner_sees_of_it(
    tables: dict[str, dict[str, object]], policies: dict[str, list[dict[str, object]]]
) -> None:
    kept_out = {
        name
        for name, of in policies.items()
        for one in of
        if (one["policy"], one["permissive"], one["roles"], one["cmd"])
        == ("own_owner", "RESTRICTIVE", "ringback_tenant", "ALL")
        and "ringback_key_owner()" in str(one["qual"])
        and one["checked"] == one["qual"]
    }

    assert kept_out == set(tables) - OF_NO_TENANT - NOT_BY_OWNER


async def test_the_catalogue_of_event_types_cannot_be_written_by_an_owner(
    policies: dict[str, list[dict[str, object]]],
) -> None:
    kept_out = {one["cmd"] for one in policies["event_types"] if one["permissive"] == "RESTRICTIVE"}

    assert kept_out == {"INSERT", "UPDATE", "DELETE"}


async def test_each_role_may_do_what_is_meant(tables: dict[str, dict[str, object]], rows: Rows) -> None:
    granted = await rows.all(GRANTS)

    rights = {
        (name, role): {str(one["right"]) for one in granted if (one["name"], one["role"]) == (name, role)}
        for name in tables
        for role in ROLES
    }
    assert rights == {place: RIGHTS.get(place, ALL) for place in rights}
    assert {str(one["role"]) for one in granted} == {"ringback_owner", *ROLES}


async def test_nobody_has_rights_on_a_partition_or_on_a_column_alone(rows: Rows) -> None:
    assert await rows.all(OTHER_GRANTS) == ()


async def test_what_runs_with_the_owners_rights_is_for_one_role_and_finds_what_it_names(rows: Rows) -> None:
    definers = await rows.all(DEFINERS)

    assert {len(cast("list[str]", one["callers"])) for one in definers} == {1}
    assert all("search_path=public, pg_temp" in cast("list[str]", one["settings"]) for one in definers)


async def test_no_role_is_above_row_level_security_or_may_log_in(rows: Rows) -> None:
    assert await rows.all(POWERS) == ()
