"""One tenant's things do not exist for another: every operation of the API that names a thing, with a foreign ID."""

import re

import pytest

from api.app import create_app
from core.model import ids, tables
from core.settings import Settings
from tests.support.accounts import Account, data, refused
from tests.support.rows import Rows

OPERATORS = {"/v1/tenants/{tenant}"}
SHARED = {"/v1/task-types/{name}"}  # of the workers, not of a tenant
PREFIXES = {"task": ids.TASK, "endpoint": ids.ENDPOINT, "delivery": ids.DELIVERY, "key": ids.KEY}
PATHS = create_app(Settings()).openapi()["paths"]
OPERATIONS = [
    (method.upper(), path)
    for path, operations in PATHS.items()
    for method in operations
    if "{" in path and path not in OPERATORS | SHARED
]
LISTS = [
    path for path, operations in PATHS.items() if path.startswith("/v1/") and "{" not in path and "get" in operations
]


async def things_of(account: Account, rows: Rows) -> dict[str, str]:
    """Make one of everything; return their public IDs by the names that paths use."""
    tenant = account.tenant_id
    endpoint = await rows.endpoint(tenant)
    key = await rows.put(tables.api_keys, tenant)
    made = {
        "task": await rows.task(tenant),
        "endpoint": endpoint,
        "delivery": await rows.delivery(tenant, endpoint),
        "key": key["id"],
    }
    await rows.put(tables.secrets, tenant, endpoint_id=endpoint)
    await rows.put(tables.attempts, tenant, delivery_id=made["delivery"])
    return {name: ids.encode(PREFIXES[name], id_) for name, id_ in made.items()}  # pyright: ignore[reportArgumentType] - all are UUIDs


async def everything(rows: Rows, account: Account) -> list[object]:
    """Return all rows of a tenant."""
    names = [table.name for table in tables.metadata.sorted_tables if "tenant_id" in table.c]
    sql = "SELECT t.* FROM {} t WHERE tenant_id = :id ORDER BY t::TEXT"
    return [await rows.all(sql.format(name), id=account.tenant_id) for name in names]


def test_the_matrix_covers_every_kind_of_thing() -> None:
    named = {name for _, path in OPERATIONS for name in re.findall(r"{(\w+)}", path)}

    assert named == set(PREFIXES)
    assert len(OPERATIONS) >= 9


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_a_thing_of_another_tenant_does_not_exist(
    acme: Account, other: Account, rows: Rows, method: str, path: str
) -> None:
    theirs = await things_of(other, rows)
    before = await everything(rows, other)

    answer = await acme.client.request(method, path.format_map(theirs))

    refused(answer, 404, "not-found")
    assert await everything(rows, other) == before


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_the_same_thing_exists_for_its_own_tenant(acme: Account, rows: Rows, method: str, path: str) -> None:
    own = await things_of(acme, rows)

    async with acme.client.stream(method, path.format_map(own)) as answer:  # one of them streams for ever
        assert answer.status_code != 404


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_holds_nothing_of_another_tenant(acme: Account, other: Account, rows: Rows, path: str) -> None:
    theirs = await things_of(other, rows)

    answer = await acme.client.get(path)

    assert not any(id_ in answer.text for id_ in theirs.values())


@pytest.mark.parametrize("name", ["endpoint_id", "task_id"])
async def test_a_filter_by_a_foreign_id_finds_nothing(acme: Account, other: Account, rows: Rows, name: str) -> None:
    theirs = await things_of(other, rows)

    answer = await acme.client.get("/v1/deliveries", params={name: theirs[name.removesuffix("_id")]})

    assert data(answer) == []


async def test_the_default_secrets_of_two_tenants_differ(acme: Account, other: Account) -> None:
    mine, theirs = await acme.client.get("/v1/secret"), await other.client.get("/v1/secret")

    assert mine.json()["secret"] != theirs.json()["secret"]
