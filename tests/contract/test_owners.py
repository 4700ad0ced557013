"""Several partners in one tenant: a key with an owner sees and makes that owner's things, and nothing else."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from core.model import ids
from core.registry.tenants import OWNER_SCOPES, SCOPES
from tests.support.accounts import Account, client_of, data, document, pointers, refused
from tests.support.operations import OPERATIONS, Operation, beginning
from tests.support.rows import Rows
from tests.support.things import everything, things_of

URL = "http://127.0.0.1:9999/hook"
TENANTS = ("/v1/tenants", "/v1/task-types")
NAMING = [one for one in OPERATIONS if one.names and not one.path.startswith((*TENANTS, "/v1/event-types"))]
READING = [one for one in OPERATIONS if one.method == "GET" and not one.names and not one.path.startswith(TENANTS)]
BEYOND = {f"This needs a key with the scope {scope}." for scope in set(SCOPES) - OWNER_SCOPES}
"""What a key is told that lacks a scope which no key with an owner can hold."""


def each(operations: list[Operation]) -> pytest.MarkDecorator:
    """Run a test once for each operation."""
    return pytest.mark.parametrize("operation", operations, ids=str)


@pytest.fixture
async def partner(client: httpx.AsyncClient) -> AsyncGenerator[httpx.AsyncClient]:
    """The partner `a`, with all that a key of an owner can hold; its key was used before."""
    wish = {"name": "a", "scopes": sorted(OWNER_SCOPES), "owner": "a"}
    key = document(await client.post("/v1/keys", json=wish))["key"]
    async with client_of(str(client.base_url), key) as opened:
        await opened.get("/v1/endpoints")
        yield opened


def is_beyond(answer: httpx.Response) -> bool:
    """Tell whether an operation takes a scope that no owner's key holds."""
    return answer.status_code == 403 and answer.json()["detail"] in BEYOND


@each(NAMING)
async def test_a_thing_of_another_owner_does_not_exist(
    acme: Account, partner: httpx.AsyncClient, rows: Rows, operation: Operation
) -> None:
    theirs = await things_of(rows, acme.tenant_id, "b")
    before = await everything(rows, acme.tenant_id)

    answer = await partner.send(operation.request(partner, theirs))

    assert is_beyond(answer) or refused(answer, 404, "not-found")
    assert await everything(rows, acme.tenant_id) == before


@each(NAMING)
async def test_a_thing_of_no_owner_does_not_exist(
    acme: Account, partner: httpx.AsyncClient, rows: Rows, operation: Operation
) -> None:
    theirs = await things_of(rows, acme.tenant_id)
    before = await everything(rows, acme.tenant_id)

    answer = await partner.send(operation.request(partner, theirs))

    assert is_beyond(answer) or refused(answer, 404, "not-found")
    assert await everything(rows, acme.tenant_id) == before


@each([one for one in NAMING if "task" not in one.names])
async def test_the_same_thing_exists_for_its_owner(
    acme: Account, partner: httpx.AsyncClient, rows: Rows, operation: Operation
) -> None:
    own = await things_of(rows, acme.tenant_id, "a")

    answer, _ = await beginning(partner, operation.request(partner, own))

    assert answer.status_code not in {401, 403, 404, 405} or is_beyond(answer), (
        "let owners in: scoped(…, owners=True), and find the thing in database.tenant(tenant_id, owner)"
    )


@each(READING)
async def test_what_is_read_holds_nothing_of_another_owner(
    acme: Account, partner: httpx.AsyncClient, rows: Rows, operation: Operation
) -> None:
    own = await things_of(rows, acme.tenant_id, "a")
    theirs = await things_of(rows, acme.tenant_id, "b")

    answer, text = await beginning(partner, operation.request(partner, {}))

    shared = {"name", "tenant"}  # the catalogue is the tenant's word to all its partners
    assert answer.status_code in {200, 403}
    assert [id_ for name, id_ in theirs.items() if name not in shared and id_ in text] == []
    assert own.keys() == theirs.keys()


@pytest.mark.parametrize("path", ["/v1/endpoints", "/v1/deliveries", "/v1/keys"])
async def test_an_owner_lists_its_own_things(acme: Account, partner: httpx.AsyncClient, rows: Rows, path: str) -> None:
    own = await things_of(rows, acme.tenant_id, "a")
    await things_of(rows, acme.tenant_id, "b")

    found = data(await partner.get(path))

    assert {"/v1/endpoints": "endpoint", "/v1/deliveries": "delivery", "/v1/keys": "key"}[path] in own
    assert [one["id"] for one in found if one["id"] in own.values()] != []
    assert {one.get("owner", "a") for one in found} == {"a"}


@pytest.mark.parametrize("body", [{}, {"owner": "a"}])
async def test_what_an_owner_makes_is_its_own(partner: httpx.AsyncClient, body: dict[str, str]) -> None:
    endpoint = document(await partner.post("/v1/endpoints", json={"url": URL, **body}))
    key = document(await partner.post("/v1/keys", json={"name": "k", "scopes": ["keys:read"], **body}))

    assert (endpoint["owner"], key["owner"]) == ("a", "a")
    assert document(await partner.get(f"/v1/endpoints/{endpoint['id']}/secret"))["secret"] == endpoint["secret"]


@pytest.mark.parametrize("owner", ["b", "A", None])
@pytest.mark.parametrize(("path", "body"), [("/v1/endpoints", {"url": URL}), ("/v1/keys", {"name": "k"})])
async def test_an_owner_makes_nothing_for_another(
    partner: httpx.AsyncClient, path: str, body: dict[str, object], owner: str | None
) -> None:
    more = {"scopes": ["keys:read"]} if path == "/v1/keys" else {}

    refused(await partner.post(path, json={**body, **more, "owner": owner}), 403, "other-owner")


@pytest.mark.parametrize("owner", ["a", "b", None])
async def test_the_tenant_makes_things_for_whom_it_likes(client: httpx.AsyncClient, owner: str | None) -> None:
    endpoint = document(await client.post("/v1/endpoints", json={"url": URL, "owner": owner}))
    key = document(await client.post("/v1/keys", json={"name": "k", "role": "partner", "owner": owner}))

    assert (endpoint["owner"], key["owner"]) == (owner, owner)


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"role": "admin"}, "/role"),
        ({"role": "client"}, "/role"),
        ({"scopes": ["endpoints:read", "tasks:read"]}, "/scopes"),
        ({"scopes": ["tasks:write"]}, "/scopes"),
        ({"scopes": ["events:write"]}, "/scopes"),
        ({"scopes": ["keys:read"], "owner": ""}, "/owner"),
        ({"scopes": ["keys:read"], "owner": "o" * 256}, "/owner"),
        ({"scopes": ["keys:read"], "owner": "a\x00"}, "/owner"),
        ({"scopes": ["keys:read"], "owner": 5}, "/owner"),
    ],
)
async def test_what_a_key_of_an_owner_cannot_be_is_refused(
    client: httpx.AsyncClient, wish: dict[str, object], pointer: str
) -> None:
    assert pointers(await client.post("/v1/keys", json={"name": "k", "owner": "a", **wish})) == [pointer]


@pytest.mark.parametrize("role", ["partner", "inspector"])
async def test_an_owners_key_may_have_a_role(client: httpx.AsyncClient, role: str) -> None:
    made = document(await client.post("/v1/keys", json={"name": "k", "role": role, "owner": "a"}))

    assert (made["role"], made["owner"]) == (role, "a")


async def test_two_owners_of_two_tenants_by_one_name_are_two(
    partner: httpx.AsyncClient, other: Account, rows: Rows
) -> None:
    theirs = await things_of(rows, other.tenant_id, "a")

    refused(await partner.get(f"/v1/endpoints/{theirs['endpoint']}"), 404, "not-found")


async def test_an_event_counts_the_deliveries_that_its_reader_may_see(
    acme: Account, partner: httpx.AsyncClient, rows: Rows
) -> None:
    for owner in ("a", "b", "b", None):
        await rows.endpoint(acme.tenant_id, owner=owner, event_types=["order.*"])
    event = document(await acme.client.post("/v1/events", json={"type": "order.paid", "data": 1}))

    one = document(await partner.get(f"/v1/events/{event['id']}"))
    (listed,) = data(await partner.get("/v1/events"))

    assert (event["deliveries"], one["deliveries"], listed["deliveries"]) == (4, 1, 1)


async def test_an_owner_pages_through_its_events(acme: Account, partner: httpx.AsyncClient, rows: Rows) -> None:
    own, theirs = [await rows.endpoint(acme.tenant_id, owner=owner) for owner in ("a", "b")]
    made = [await rows.event(acme.tenant_id) for _ in range(5)]
    await rows.delivery(acme.tenant_id, theirs)
    replayed = [*made, made[0]]
    deliveries = [await rows.delivery(acme.tenant_id, own, event_id=event) for event in replayed]

    first = await partner.get("/v1/events?limit=3")
    second = await partner.get(first.links["next"]["url"])

    assert [one["id"] for one in [*data(first), *data(second)]] == [ids.encode(ids.EVENT, one) for one in made[::-1]]
    assert (second.json()["next_cursor"], len(deliveries)) == (None, 6)
