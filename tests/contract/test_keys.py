"""Who may call: keys, their scopes, and for which tenant."""

import asyncio

import httpx
import pytest
from sqlalchemy import func

from core.model import ids, tables
from core.model.api_key import has_valid_checksum, hash_api_key, new_api_key
from core.registry.tenants import ROLES, SCOPES
from tests.support.accounts import Account, client_of, data, document, pointers, refused
from tests.support.pulse import promised
from tests.support.rows import Rows
from tests.support.samples import ago

TASK, ENDPOINT, DELIVERY, KEY = (f"{prefix}_{'0' * 26}" for prefix in ("task", "ep", "dlv", "key"))


async def new_key(client: httpx.AsyncClient, **wish: object) -> dict[str, str]:
    """Make a key as this client; return it as the API shows it this once."""
    return document(await client.post("/v1/keys", json={"name": "backend", **wish}))


async def tried(of: httpx.AsyncClient, key: str, path: str = "/v1/tasks") -> httpx.Response:
    """Call with another key."""
    async with client_of(str(of.base_url), key) as client:
        return await client.get(path)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/tasks"),
        ("POST", "/v1/events"),
        ("POST", "/v1/events/batch"),
        ("POST", "/v1/endpoints"),
        ("PATCH", "/v1/endpoints/ep_x"),
        ("GET", "/v1/tasks?cursor=%00"),
    ],
)
async def test_whoever_has_no_key_is_not_told_what_is_wrong_with_the_request(
    nobody: httpx.AsyncClient, method: str, path: str, media_type: str
) -> None:
    answer = await nobody.request(method, path, content=b"{", headers={"Content-Type": media_type})

    refused(answer, 401, "unauthorized")


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {new_api_key()}"},
        {"Authorization": f"Basic {new_api_key()}"},
        {"Authorization": new_api_key()},
        {"Authorization": f"Bearer {new_api_key()[:-1]}0"},
    ],
    ids=["none", "empty", "no key", "no shape", "unknown", "basic", "bare", "checksum"],
)
async def test_a_missing_or_wrong_key_is_unauthorized(nobody: httpx.AsyncClient, header: dict[str, str]) -> None:
    answer = await nobody.get("/v1/tasks", headers=header)

    refused(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_is_shown_once_with_a_checksum(client: httpx.AsyncClient) -> None:
    made = await new_key(client, role="client")

    listed = {str(one["id"]): one for one in data(await client.get("/v1/keys"))}[made["id"]]
    assert has_valid_checksum(made["key"])
    assert made["last_four"] == made["key"][-4:] == listed["last_four"]
    assert "key" not in listed
    assert (listed["role"], listed["scopes"]) == ("client", list(ROLES["client"]))


async def test_the_scheme_may_be_written_in_any_case(client: httpx.AsyncClient, nobody: httpx.AsyncClient) -> None:
    key = (await new_key(client, role="admin"))["key"]

    answer = await nobody.get("/v1/tasks", headers={"Authorization": f"bEARER {key}"})

    assert answer.status_code == 200


async def test_a_revoked_key_is_unauthorized(client: httpx.AsyncClient) -> None:
    made = await new_key(client, role="client")

    revoked = await client.delete(f"/v1/keys/{made['id']}")

    assert revoked.status_code == 204
    refused(await tried(client, made["key"]), 401, "unauthorized")
    assert made["id"] not in [one["id"] for one in data(await client.get("/v1/keys"))]


async def test_a_revoked_key_cannot_be_revoked_again(client: httpx.AsyncClient) -> None:
    made = await new_key(client, role="client")
    await client.delete(f"/v1/keys/{made['id']}")

    refused(await client.delete(f"/v1/keys/{made['id']}"), 404, "not-found")


async def test_an_expired_key_is_unauthorized(acme: Account, rows: Rows) -> None:
    key = new_api_key()
    await rows.put(tables.api_keys, acme.tenant_id, hash=hash_api_key(key), expires_at=ago(1))

    refused(await tried(acme.client, key), 401, "unauthorized")


async def test_a_key_of_a_deleted_tenant_is_unauthorized(acme: Account, rows: Rows) -> None:
    key = (await new_key(acme.client, role="client"))["key"]
    await rows.change(tables.tenants, acme.tenant_id, deleted_at=func.now())

    refused(await tried(acme.client, key), 401, "unauthorized")


async def test_a_revoked_key_that_was_just_used_stops_working_within_five_seconds(client: httpx.AsyncClient) -> None:
    made = await new_key(client, role="client")
    before = await tried(client, made["key"])
    await client.delete(f"/v1/keys/{made['id']}")

    def look() -> None:
        headers = {"Authorization": f"Bearer {made['key']}"}
        assert httpx.get(f"{client.base_url}/v1/tasks", headers=headers, trust_env=False).status_code == 401

    assert before.status_code == 200
    await asyncio.to_thread(promised, look, within=5)


NEEDED = [
    ("GET", "/v1/tasks", "tasks:read"),
    ("GET", f"/v1/tasks/{TASK}", "tasks:read"),
    ("GET", f"/v1/tasks/{TASK}/result", "tasks:read"),
    ("GET", f"/v1/tasks/{TASK}/deliveries", "deliveries:read"),
    ("GET", "/v1/task-types", "tasks:read"),
    ("GET", "/v1/task-types/math.divide", "tasks:read"),
    ("GET", "/v1/endpoints", "endpoints:read"),
    ("GET", f"/v1/endpoints/{ENDPOINT}", "endpoints:read"),
    ("DELETE", f"/v1/endpoints/{ENDPOINT}", "endpoints:write"),
    ("GET", f"/v1/endpoints/{ENDPOINT}/secret", "secrets:read"),
    ("GET", "/v1/deliveries", "deliveries:read"),
    ("GET", f"/v1/deliveries/{DELIVERY}", "deliveries:read"),
    ("GET", f"/v1/deliveries/{DELIVERY}/attempts", "deliveries:read"),
    ("GET", "/v1/keys", "keys:read"),
    ("DELETE", f"/v1/keys/{KEY}", "keys:write"),
    ("GET", "/v1/secret", "secrets:read"),
    ("POST", "/v1/tasks", "tasks:write"),
    ("POST", "/v1/endpoints", "endpoints:write"),
    ("POST", "/v1/keys", "keys:write"),
]
BODIES = {
    "/v1/tasks": {"type": "math.divide", "input": {"x": 1, "y": 4}},
    "/v1/endpoints": {"url": "http://127.0.0.1:9999/"},
    "/v1/keys": {"name": "k", "scopes": ["tasks:read"]},
}


@pytest.mark.parametrize(("method", "path", "scope"), NEEDED)
async def test_a_key_without_the_scope_is_told_which_one(
    client: httpx.AsyncClient, method: str, path: str, scope: str
) -> None:
    rest = [one for one in SCOPES if one != scope]
    key = (await new_key(client, scopes=rest))["key"]

    async with client_of(str(client.base_url), key) as lacking:
        answer = await lacking.request(method, path, json=BODIES.get(path) if method == "POST" else None)

    assert refused(answer, 403, "forbidden")["detail"] == f"This needs a key with the scope {scope}."


@pytest.mark.parametrize(("method", "path", "scope"), NEEDED)
async def test_a_key_with_nothing_but_the_scope_is_let_in(
    client: httpx.AsyncClient, method: str, path: str, scope: str
) -> None:
    key = (await new_key(client, scopes=sorted({scope, "tasks:read"} if path == "/v1/keys" else {scope})))["key"]

    async with client_of(str(client.base_url), key) as single:
        answer = await single.request(method, path, json=BODIES.get(path) if method == "POST" else None)

    assert answer.status_code in {200, 201, 303, 404}


@pytest.mark.parametrize("path", sorted({path for _, path, _ in NEEDED}))
async def test_the_operator_has_to_name_a_tenant(operator: httpx.AsyncClient, path: str) -> None:
    method = next(verb for verb, of, _ in NEEDED if of == path)

    answer = await operator.request(method, path)

    assert "Ringback-Tenant" in str(refused(answer, 400, "tenant-required")["detail"])


@pytest.mark.parametrize("by", ["slug", "id"])
async def test_the_operator_acts_for_the_tenant_that_it_names(
    operator: httpx.AsyncClient, acme: Account, by: str
) -> None:
    name = acme.slug if by == "slug" else ids.encode(ids.TENANT, acme.tenant_id)

    answer = await operator.get("/v1/keys", headers={"Ringback-Tenant": name})

    assert [one["name"] for one in data(answer)] == ["admin"]


@pytest.mark.parametrize("name", ["no-such-tenant", "ten_00000000000000000000000000", "Not A Slug", "../keys"])
async def test_a_tenant_that_is_not_there_is_not_found(operator: httpx.AsyncClient, name: str) -> None:
    refused(await operator.get("/v1/tasks", headers={"Ringback-Tenant": name}), 404, "not-found")


async def test_a_key_may_name_its_own_tenant_and_no_other(acme: Account, other: Account) -> None:
    own = await acme.client.get("/v1/tasks", headers={"Ringback-Tenant": acme.slug})
    foreign = await acme.client.get("/v1/tasks", headers={"Ringback-Tenant": other.slug})

    assert own.status_code == 200
    refused(foreign, 404, "not-found")


@pytest.mark.parametrize("path", ["/v1/tenants", "/v1/tenants/acme"])
async def test_tenants_are_the_operators_business(client: httpx.AsyncClient, path: str) -> None:
    refused(await client.get(path), 403, "forbidden")


@pytest.mark.parametrize("wish", [{"role": "admin"}, {"scopes": ["tasks:read", "secrets:read"]}, {"role": "partner"}])
async def test_a_key_never_grants_more_than_its_maker_holds(client: httpx.AsyncClient, wish: dict[str, object]) -> None:
    maker = (await new_key(client, scopes=["keys:read", "keys:write", "tasks:read"]))["key"]

    async with client_of(str(client.base_url), maker) as made:
        answer = await made.post("/v1/keys", json={"name": "more", **wish})

    refused(answer, 403, "forbidden")
    assert "more" not in [one["name"] for one in data(await client.get("/v1/keys"))]


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        ({}, [""]),
        ({"role": "admin", "scopes": ["tasks:read"]}, [""]),
        ({"scopes": []}, ["/scopes"]),
        ({"scopes": ["tasks:fly"]}, [""]),
        ({"role": "emperor"}, ["/role"]),
        ({"role": "client", "name": ""}, ["/name"]),
        ({"role": "client", "name": "a\x00"}, ["/name"]),
        ({"role": "client", "expires_at": "2020-01-01T00:00:00Z"}, ["/expires_at"]),
        ({"role": "client", "expires_at": "2099-01-01T00:00:00"}, ["/expires_at"]),
        ({"role": "client", "expires_at": "2099-01-01"}, ["/expires_at"]),
        ({"role": "client", "expires_at": "2099-01-01 00:00:00Z"}, ["/expires_at"]),
        ({"role": "client", "expires_at": 4_070_908_800}, ["/expires_at"]),
        ({"role": "client", "expires_at": "4070908800"}, ["/expires_at"]),
        ({"role": "client", "expires_at": "soon"}, ["/expires_at"]),
        ({"role": "client", "more": 1}, ["/more"]),
    ],
)
async def test_a_bad_wish_for_a_key_is_told_where(
    client: httpx.AsyncClient, wish: dict[str, object], where: list[str]
) -> None:
    assert pointers(await client.post("/v1/keys", json={"name": "k", **wish})) == where


async def test_the_end_of_a_key_is_told_in_utc(client: httpx.AsyncClient) -> None:
    made = await new_key(client, role="client", expires_at="2099-01-01T02:00:00+02:00")

    assert made["expires_at"] == "2099-01-01T00:00:00.000Z"


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z"])
async def test_a_key_may_live_for_very_long(client: httpx.AsyncClient, moment: str) -> None:
    answer = await client.post("/v1/keys", json={"name": "k", "role": "client", "expires_at": moment})

    assert answer.status_code in {201, 422}
