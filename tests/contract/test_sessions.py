"""Sessions: a key is exchanged for a cookie, which serves the dashboard's own pages and nobody else."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api import sessions, throttle
from core.model import ids, tables
from core.model.pacing import Pace
from core.model.session import IDLE
from core.registry.sessions import SessionRecord
from tests.support.accounts import Account, client_of, data, document, refused
from tests.support.apps import serving, settings_of
from tests.support.browsing import COOKIE, Page, exchange, sign_in, token_in
from tests.support.pulse import promised
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import Stack

SLUG = {"slug": "x", "name": "X"}


def key_of(account: Account) -> str:
    """Return the key that an account's client sends."""
    return account.client.headers["authorization"].removeprefix("Bearer ")


@pytest.fixture
async def page(acme: Account) -> AsyncGenerator[Page]:
    """A page that an administrator of the tenant has signed in to."""
    made = await sign_in(str(acme.client.base_url), key_of(acme))
    async with made.client:
        yield made


async def only_session(rows: Rows, acme: Account) -> UUID:
    row = await rows.one("SELECT id FROM sessions WHERE tenant_id = :id", id=acme.tenant_id)
    return UUID(str(row["id"]))


async def test_a_key_is_exchanged_for_a_cookie_that_no_script_reads(acme: Account) -> None:
    answer = await exchange(str(acme.client.base_url), key_of(acme))

    pair, *attributes = answer.headers["set-cookie"].split("; ")
    assert answer.status_code == 201
    assert pair.startswith(f"{COOKIE}=rbs_")
    assert set(attributes) == {"Path=/", "Max-Age=43200", "Secure", "HttpOnly", "SameSite=Strict"}
    assert token_in(answer) not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_a_session_is_kept_as_a_hash_alone(acme: Account, rows: Rows) -> None:
    token = token_in(await exchange(str(acme.client.base_url), key_of(acme)))

    kept = await rows.one("SELECT s::TEXT AS text FROM sessions s WHERE tenant_id = :id", id=acme.tenant_id)

    assert token not in str(kept["text"])
    assert token.encode().hex() not in str(kept["text"])


async def test_each_exchange_is_a_session_of_its_own(acme: Account) -> None:
    first = await exchange(str(acme.client.base_url), key_of(acme))
    second = await exchange(str(acme.client.base_url), key_of(acme))

    assert token_in(first) != token_in(second)


async def test_a_session_knows_who_it_is_and_what_changes_want(page: Page, acme: Account) -> None:
    read = document(await page.get("/v1/session"))

    assert read == page.session
    assert read["kind"] == "key"
    assert dict(read["tenant"]) == {"id": ids.encode(ids.TENANT, acme.tenant_id), "slug": acme.slug, "name": "Acme"}  # pyright: ignore[reportArgumentType, reportCallIssue] - an object, which `document` takes for a text


async def test_who_calls_with_a_key_is_told_too(client: httpx.AsyncClient) -> None:
    read = document(await client.get("/v1/session"))

    assert (read["kind"], read["csrf_token"], read["expires_at"]) == ("key", None, None)


async def test_a_session_does_what_its_key_does(page: Page) -> None:
    made = await page.send("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9999/hook"})

    assert made.status_code == 201
    assert [one["id"] for one in data(await page.get("/v1/endpoints"))] == [made.json()["id"]]


async def test_a_session_takes_events_by_the_hot_route(page: Page) -> None:
    assert (await page.send("POST", "/v1/events", {"type": "order.paid", "data": {}})).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"Ringback_CSRF": ""},
        {"Ringback_CSRF": "A" * 43},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=repr,
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/endpoints"), ("DELETE", "/v1/session")])
async def test_a_change_that_comes_from_elsewhere_is_refused(
    page: Page, method: str, path: str, headers: dict[str, str]
) -> None:
    refused(await page.send(method, path, {"url": "http://127.0.0.1:9999/"}, **headers), 403, "cross-site")


async def test_nothing_is_read_for_another_site(page: Page) -> None:
    page.headers["Sec-Fetch-Site"] = "cross-site"

    refused(await page.get("/v1/endpoints"), 403, "cross-site")


async def test_where_a_key_comes_too_the_cookie_is_not_looked_at(page: Page) -> None:
    page.headers["Authorization"] = "Bearer rb_nothing"

    refused(await page.get("/v1/endpoints"), 401, "unauthorized")


@pytest.mark.parametrize("token", ["", "rbs_", "rbs_" + "A" * 43, "rb_x", "x" * 5000])
async def test_a_cookie_that_is_no_session_is_unauthorized(nobody: httpx.AsyncClient, token: str) -> None:
    answer = await nobody.get("/v1/endpoints", headers={"Cookie": f"{COOKIE}={token}"})

    refused(answer, 401, "unauthorized")


async def test_a_session_is_no_bearer(acme: Account, page: Page) -> None:
    token = page.headers["Cookie"].partition("=")[2]

    refused(await exchange(str(acme.client.base_url), token), 401, "unauthorized")


async def test_a_cookie_is_not_exchanged_for_another_session(page: Page) -> None:
    refused(await page.send("POST", "/v1/session"), 401, "unauthorized")


async def test_a_session_that_was_left_is_over(page: Page) -> None:
    left = await page.send("DELETE", "/v1/session")

    assert left.status_code == 204
    assert "Max-Age=0" in left.headers["set-cookie"]
    refused(await page.get("/v1/session"), 401, "unauthorized")


async def test_a_session_is_left_however_many_requests_its_tenant_makes(
    acme: Account, operator: httpx.AsyncClient
) -> None:
    await operator.patch(f"/v1/tenants/{acme.slug}", json={"limits": {"requests_per_second": 1}})
    page = await sign_in(str(acme.client.base_url), key_of(acme))

    reads = [await page.get("/v1/session") for _ in range(4)]
    left = await page.send("DELETE", "/v1/session")

    assert 429 in {one.status_code for one in reads}
    assert left.status_code == 204
    refused(await page.get("/v1/session"), 401, "unauthorized")
    await page.client.aclose()


async def test_what_calls_with_a_key_has_no_session_to_leave(client: httpx.AsyncClient) -> None:
    refused(await client.delete("/v1/session"), 404, "not-found")


@pytest.mark.parametrize("column", ["expires_at", "seen_at"])
async def test_a_session_ends_by_itself(page: Page, acme: Account, rows: Rows, column: str) -> None:
    await rows.change(tables.sessions, await only_session(rows, acme), **{column: ago(IDLE + 1)})

    def ended() -> None:
        answer = httpx.get(f"{page.client.base_url}/v1/session", headers=page.headers, trust_env=False)
        assert answer.status_code == 401

    promised(ended, within=5)


async def test_a_revoked_key_ends_its_sessions(page: Page, client: httpx.AsyncClient) -> None:
    (key,) = data(await client.get("/v1/keys"))
    await client.delete(f"/v1/keys/{key['id']}")

    def ended() -> None:
        answer = httpx.get(f"{page.client.base_url}/v1/session", headers=page.headers, trust_env=False)
        assert answer.status_code == 401

    promised(ended, within=5)


async def test_who_is_signed_in_goes_on_while_others_guess_from_the_same_address(
    page: Page, api_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "FAILURES", Pace(per_second=0.001, at_once=3))
    monkeypatch.setattr(sessions, "CACHED_FOR", 0)  # each request looks the session up
    async with serving(settings_of(database=api_database)) as api:
        del api.headers["authorization"]
        mine = {name: page.headers[name] for name in ("Cookie", "Sec-Fetch-Site")}
        before = await api.get("/v1/tasks", headers=mine)
        guesses = [await api.get("/v1/tasks", headers={"Cookie": f"{COOKIE}=rbs_{n}"}) for n in range(6)]
        after = await api.get("/v1/tasks", headers=mine)

    assert [one.status_code for one in guesses[-2:]] == [429, 429]
    assert (before.status_code, after.status_code) == (200, 200)


async def test_a_session_that_was_being_looked_up_when_its_tenant_was_closed_is_not_believed(
    page: Page, acme: Account, api_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, found, go_on = sessions.find_session, asyncio.Event(), asyncio.Event()
    cookie = {name: page.headers[name] for name in ("Cookie", "Sec-Fetch-Site")}

    async def slow(tx: AsyncConnection, *, hash_: bytes) -> SessionRecord | None:
        answer = await find(tx, hash_=hash_)
        found.set()
        await go_on.wait()
        return answer

    monkeypatch.setattr(sessions, "find_session", slow)
    monkeypatch.setattr(sessions, "CACHED_FOR", 3600)
    async with serving(settings_of(database=api_database)) as api:
        operator = dict(api.headers)
        del api.headers["authorization"]
        before = asyncio.create_task(api.get("/v1/tasks", headers=cookie))
        await found.wait()
        closed = await api.delete(f"/v1/tenants/{ids.encode(ids.TENANT, acme.tenant_id)}", headers=operator)
        go_on.set()
        answers = [await before, await api.get("/v1/tasks", headers=cookie)]

    assert closed.status_code == 204
    assert [one.status_code for one in answers] == [200, 401]


async def test_the_operators_session_acts_for_whom_it_names(api: Stack, acme: Account, other: Account) -> None:
    page = await sign_in(str(api.client.base_url), api.operator_key)

    made = await page.send("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9999/"}, Ringback_Tenant=acme.slug)

    assert (page.session["kind"], page.session["tenant"]) == ("operator", None)
    assert made.status_code == 201
    assert data(await other.client.get("/v1/endpoints")) == []
    refused(await page.get("/v1/endpoints"), 400, "tenant-required")
    await page.client.aclose()


async def test_an_operators_session_ends_with_the_operators_key(api: Stack, rows: Rows) -> None:
    page = await sign_in(str(api.client.base_url), api.operator_key)
    (row,) = await rows.all("SELECT id FROM sessions WHERE tenant_id IS NULL ORDER BY id DESC LIMIT 1")
    await rows.change(tables.sessions, UUID(str(row["id"])), operator_hash=bytes(32))

    refused(await page.get("/v1/tenants"), 401, "unauthorized")
    await page.client.aclose()


async def test_a_session_of_an_inspector_changes_nothing(client: httpx.AsyncClient) -> None:
    key = document(await client.post("/v1/keys", json={"name": "k", "role": "inspector"}))["key"]
    page = await sign_in(str(client.base_url), key)

    refused(await page.send("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9999/"}), 403, "forbidden")
    assert data(await page.get("/v1/deliveries")) == []
    await page.client.aclose()


async def test_no_key_opens_no_session(api: Stack) -> None:
    async with client_of(str(api.client.base_url), None) as nobody:
        refused(await nobody.post("/v1/session"), 401, "unauthorized")
