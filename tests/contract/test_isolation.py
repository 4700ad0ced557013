"""One tenant's things do not exist for another: every operation that the OpenAPI document lists, now or later."""

import httpx
import pytest

from core.model import ids
from tests.support.accounts import Account, document, refused
from tests.support.operations import OPERATIONS, Operation, beginning
from tests.support.rows import Rows
from tests.support.things import everything, things_of

OPERATORS = "/v1/tenants"
OF_THE_WORKERS = "/v1/task-types"
CHOSEN = "/v1/event-types/"
"""Things of these paths have names that each tenant chooses: another's is as good as one that is not there yet."""
NAMING = [one for one in OPERATIONS if one.names and not one.path.startswith((OPERATORS, OF_THE_WORKERS))]
BY_ID = [one for one in NAMING if not one.path.startswith(CHOSEN)]
READING = [one for one in OPERATIONS if one.method == "GET" and not one.names and not one.path.startswith(OPERATORS)]
PAGED = [one for one in READING if "cursor" in one.filters and not one.path.startswith(OF_THE_WORKERS)]
CLIENTS = {"client_id"}
"""Filters by IDs that are no IDs of ours."""
FILTERED = [(one, name) for one in READING for name in sorted(one.filters - CLIENTS) if name.endswith("_id")]


def each(operations: list[Operation]) -> pytest.MarkDecorator:
    """Run a test once for each operation."""
    return pytest.mark.parametrize("operation", operations, ids=str)


def test_the_matrix_is_not_empty() -> None:
    assert len(BY_ID) >= 9
    assert len(PAGED) >= 4
    assert FILTERED


@each(BY_ID)
async def test_a_thing_of_another_tenant_does_not_exist(
    acme: Account, other: Account, rows: Rows, operation: Operation
) -> None:
    theirs = await things_of(rows, other.tenant_id)
    before = await everything(rows, other.tenant_id)

    answer = await acme.client.send(operation.request(acme.client, theirs))

    refused(answer, 404, "not-found")
    assert await everything(rows, other.tenant_id) == before


@each(BY_ID)
async def test_the_same_thing_exists_for_its_own_tenant(acme: Account, rows: Rows, operation: Operation) -> None:
    own = await things_of(rows, acme.tenant_id)

    answer, _ = await beginning(acme.client, operation.request(acme.client, own))

    assert answer.status_code not in {401, 403, 404, 405}


@each(NAMING)
async def test_nothing_is_told_or_changed_of_another_tenant(
    acme: Account, other: Account, rows: Rows, operation: Operation
) -> None:
    theirs = await things_of(rows, other.tenant_id)
    before = await everything(rows, other.tenant_id)

    answer = await acme.client.send(operation.request(acme.client, theirs))

    assert "theirs alone" not in answer.text
    assert await everything(rows, other.tenant_id) == before


@each(OPERATIONS)
async def test_no_key_acts_for_another_tenant(acme: Account, other: Account, rows: Rows, operation: Operation) -> None:
    theirs = await things_of(rows, other.tenant_id)
    before = await everything(rows, other.tenant_id)

    answer = await acme.client.send(operation.request(acme.client, theirs, **{"Ringback-Tenant": other.slug}))

    refused(answer, 404, "not-found")
    assert await everything(rows, other.tenant_id) == before


@each([one for one in OPERATIONS if one.path.startswith(OPERATORS)])
async def test_tenants_are_the_operators_business(
    acme: Account, other: Account, rows: Rows, operation: Operation
) -> None:
    theirs = await things_of(rows, other.tenant_id)
    before = await everything(rows, other.tenant_id)

    answer = await acme.client.send(operation.request(acme.client, theirs))

    refused(answer, 403, "forbidden")
    assert await everything(rows, other.tenant_id) == before


@each(READING)
async def test_what_is_read_holds_nothing_of_another_tenant(
    acme: Account, other: Account, rows: Rows, operation: Operation
) -> None:
    theirs = await things_of(rows, other.tenant_id)

    _, text = await beginning(acme.client, operation.request(acme.client, {}))

    assert [id_ for id_ in theirs.values() if id_ in text] == []


@each(PAGED)
async def test_a_cursor_of_another_tenant_does_not_exist(
    acme: Account, other: Account, rows: Rows, operation: Operation
) -> None:
    await things_of(rows, other.tenant_id)
    await things_of(rows, other.tenant_id)
    cursor = document(await other.client.get(operation.path, params={"limit": 1}))["next_cursor"]

    answer = await acme.client.get(operation.path, params={"cursor": cursor})

    assert cursor
    refused(answer, 404, "not-found")


@pytest.mark.parametrize(("operation", "name"), FILTERED, ids=str)
async def test_a_filter_by_a_foreign_id_finds_nothing(
    acme: Account, other: Account, rows: Rows, operation: Operation, name: str
) -> None:
    theirs = await things_of(rows, other.tenant_id)
    await things_of(rows, acme.tenant_id)
    wanted = operation.request(acme.client, {})

    _, text = await beginning(
        acme.client, acme.client.build_request("GET", wanted.url, params={name: theirs[name.removesuffix("_id")]})
    )

    assert text.splitlines()[1:] == []  # the head of a table at the most
    assert not any(id_ in text for id_ in theirs.values())
    assert '"id"' not in text


async def test_the_default_secrets_of_two_tenants_differ(acme: Account, other: Account) -> None:
    mine, theirs = await acme.client.get("/v1/secret"), await other.client.get("/v1/secret")

    assert mine.json()["secret"] != theirs.json()["secret"]


async def test_the_operator_acts_for_one_tenant_at_a_time(
    operator: httpx.AsyncClient, acme: Account, other: Account, rows: Rows
) -> None:
    theirs = await things_of(rows, other.tenant_id)

    answer = await operator.get(
        f"/v1/endpoints/{theirs['endpoint']}", headers={"Ringback-Tenant": ids.encode(ids.TENANT, acme.tenant_id)}
    )

    refused(answer, 404, "not-found")
