"""Portal links: each opens once, for one owner, and shows that owner's things and nothing else."""

import asyncio

import httpx
import pytest

from core.model import tables
from tests.support.accounts import Account, client_of, data, document, pointers, refused
from tests.support.apps import serving, settings_of
from tests.support.browsing import Page, exchange, sign_in
from tests.support.pulse import promised
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.things import things_of


def token_of(url: str) -> str:
    """Return the token in a link's fragment, which no server is sent."""
    return url.partition("#")[2]


async def open_portal(client: httpx.AsyncClient, owner: str, **more: object) -> Page:
    made = document(await client.post("/v1/portal-links", json={"owner": owner, **more}))
    return await sign_in(str(client.base_url), token_of(made["url"]))


async def test_a_portal_link_shows_an_owner_its_own_endpoints_alone(acme: Account, rows: Rows) -> None:
    own = await things_of(rows, acme.tenant_id, "a")
    theirs = await things_of(rows, acme.tenant_id, "b")

    page = await open_portal(acme.client, "a")

    assert [one["id"] for one in data(await page.get("/v1/endpoints"))] == [own["endpoint"]]
    assert [one["id"] for one in data(await page.get("/v1/deliveries"))] == [own["delivery"]]
    refused(await page.get(f"/v1/endpoints/{theirs['endpoint']}"), 404, "not-found")
    refused(await page.get(f"/v1/deliveries/{theirs['delivery']}/attempts"), 404, "not-found")
    await page.client.aclose()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/keys", {"name": "k", "scopes": ["endpoints:read"]}),
        ("GET", "/v1/keys", None),
        ("POST", "/v1/portal-links", {"owner": "a"}),
        ("GET", "/v1/tasks", None),
        ("POST", "/v1/events", {"type": "a", "data": 1}),
        ("GET", "/v1/tenants", None),
    ],
)
async def test_a_portal_session_cannot_leave_its_owner(
    client: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    page = await open_portal(client, "a")

    refused(await page.send(method, path, body), 403, "forbidden")
    await page.client.aclose()


async def test_what_a_portal_session_makes_is_its_owners(client: httpx.AsyncClient) -> None:
    page = await open_portal(client, "a")

    made = document(await page.send("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9999/"}))

    assert made["owner"] == "a"
    assert page.session["kind"] == "portal"
    await page.client.aclose()


async def test_an_inspectors_link_changes_nothing(client: httpx.AsyncClient) -> None:
    page = await open_portal(client, "a", role="inspector")

    refused(await page.send("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9999/"}), 403, "forbidden")
    await page.client.aclose()


async def test_a_portal_link_opens_once(client: httpx.AsyncClient) -> None:
    token = token_of(document(await client.post("/v1/portal-links", json={"owner": "a"}))["url"])

    answers = await asyncio.gather(*[exchange(str(client.base_url), token) for _ in range(5)])

    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]


@pytest.mark.parametrize(
    ("origins", "site"), [((), "SameSite=Strict"), (("https://app.example.com",), "SameSite=None; Partitioned")]
)
async def test_the_cookie_of_a_portal_goes_with_a_page_around_it_where_one_is_allowed(
    acme: Account, api_database: str, redis_store: str, origins: tuple[str, ...], site: str
) -> None:
    token = token_of(document(await acme.client.post("/v1/portal-links", json={"owner": "a"}))["url"])
    settings = settings_of(database=api_database, redis=redis_store).model_copy(update={"portal_origins": origins})

    async with serving(settings) as client:
        answer = await client.post("/v1/session", headers={"Authorization": f"Bearer {token}"})

    assert answer.headers["set-cookie"].endswith(f"; Secure; HttpOnly; {site}")


async def test_a_link_is_a_bearers_and_nothing_elses(client: httpx.AsyncClient, nobody: httpx.AsyncClient) -> None:
    token = token_of(document(await client.post("/v1/portal-links", json={"owner": "a"}))["url"])

    refused(await nobody.post("/v1/session", headers={"Authorization": f"Basic {token}"}), 401, "unauthorized")


async def test_an_expired_link_opens_nothing(acme: Account, rows: Rows) -> None:
    token = token_of(document(await acme.client.post("/v1/portal-links", json={"owner": "a"}))["url"])
    sql = "UPDATE portal_links SET expires_at = now() WHERE tenant_id = :id RETURNING id"
    await rows.one(sql, id=acme.tenant_id)

    refused(await exchange(str(acme.client.base_url), token), 401, "unauthorized")


async def test_links_are_listed_without_their_tokens(client: httpx.AsyncClient) -> None:
    made = document(await client.post("/v1/portal-links", json={"owner": "a"}))

    answer = await client.get("/v1/portal-links")

    assert [one["id"] for one in data(answer)] == [made["id"]]
    assert token_of(made["url"]) not in answer.text


async def test_a_link_is_kept_as_a_hash_alone(acme: Account, rows: Rows) -> None:
    token = token_of(document(await acme.client.post("/v1/portal-links", json={"owner": "a"}))["url"])

    kept = await rows.one("SELECT l::TEXT AS text FROM portal_links l WHERE tenant_id = :id", id=acme.tenant_id)

    assert token not in str(kept["text"])
    assert token.encode().hex() not in str(kept["text"])


def is_over(page: Page) -> None:
    """Raise `AssertionError` while a page is signed in."""
    answer = httpx.get(f"{page.client.base_url}/v1/session", headers=page.headers, trust_env=False)
    assert answer.status_code == 401


async def test_a_revoked_link_ends_with_its_session(client: httpx.AsyncClient) -> None:
    page = await open_portal(client, "a")
    (link,) = data(await client.get("/v1/portal-links"))

    revoked = await client.delete(f"/v1/portal-links/{link['id']}")

    assert revoked.status_code == 204
    assert data(await client.get("/v1/portal-links")) == []
    promised(lambda: is_over(page), within=5)


async def test_a_link_ends_with_the_key_that_made_it(acme: Account) -> None:
    made = document(await acme.client.post("/v1/keys", json={"name": "minter", "role": "admin"}))
    async with client_of(str(acme.client.base_url), made["key"]) as minter:
        page = await open_portal(minter, "a")
        unused = token_of(document(await minter.post("/v1/portal-links", json={"owner": "a"}))["url"])

    await acme.client.delete(f"/v1/keys/{made['id']}")

    promised(lambda: is_over(page), within=5)
    refused(await exchange(str(acme.client.base_url), unused), 401, "unauthorized")


async def test_a_link_grants_no_more_than_its_maker_holds(client: httpx.AsyncClient) -> None:
    wish = {"name": "k", "scopes": ["keys:write", "deliveries:read"]}
    key = document(await client.post("/v1/keys", json=wish))["key"]

    async with client_of(str(client.base_url), key) as weak:
        answer = await weak.post("/v1/portal-links", json={"owner": "a"})

    refused(answer, 403, "forbidden")


async def test_an_owner_makes_no_link_for_another(client: httpx.AsyncClient) -> None:
    scopes = ["keys:write", "deliveries:read", "events:read"]
    key = document(await client.post("/v1/keys", json={"name": "k", "scopes": scopes, "owner": "a"}))["key"]

    async with client_of(str(client.base_url), key) as partner:
        own = await partner.post("/v1/portal-links", json={"owner": "a", "role": "inspector"})
        other = await partner.post("/v1/portal-links", json={"owner": "b", "role": "inspector"})

    assert own.status_code == 201
    refused(other, 403, "other-owner")


async def test_a_link_that_is_asked_for_twice_is_made_once(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/portal-links", json={"owner": "a"}, headers={"Idempotency-Key": "k"})
    again = await client.post("/v1/portal-links", json={"owner": "a"}, headers={"Idempotency-Key": "k"})

    assert (again.json()["id"], again.json()["url"]) == (first.json()["id"], None)
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({}, "/owner"),
        ({"owner": ""}, "/owner"),
        ({"owner": "a", "role": "admin"}, "/role"),
        ({"owner": "a", "expires_in": 29}, "/expires_in"),
        ({"owner": "a", "expires_in": 604_801}, "/expires_in"),
        ({"owner": "a", "surprise": 1}, "/surprise"),
    ],
)
async def test_a_link_that_cannot_be_is_refused(
    client: httpx.AsyncClient, wish: dict[str, object], pointer: str
) -> None:
    assert pointers(await client.post("/v1/portal-links", json=wish)) == [pointer]


async def test_a_link_of_the_operators_opens_too(acme: Account, operator: httpx.AsyncClient, rows: Rows) -> None:
    made = await operator.post("/v1/portal-links", json={"owner": "a"}, headers={"Ringback-Tenant": acme.slug})

    page = await sign_in(str(operator.base_url), token_of(document(made)["url"]))

    assert page.session["owner"] == "a"
    await rows.put(tables.portal_links, acme.tenant_id, expires_at=ago(1))
    await page.client.aclose()
