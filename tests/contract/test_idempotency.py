"""`Idempotency-Key` on any `POST`: done once, answered the same again."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from core import clock
from core.model import ids, tables
from tests.support.accounts import Account, client_of, data, document, pointers, refused
from tests.support.rows import Rows
from tests.support.samples import ago, sample
from tests.support.stack import eventually

KEY = {"name": "backend", "role": "client"}
ENDPOINT = {"url": "http://127.0.0.1:9999/hook", "headers": {"Authorization": "Bearer s3cret"}}
REPLAYED = "idempotent-replayed"


def keyed(key: str | None = None) -> dict[str, str]:
    """Return the header; with no key, a fresh one."""
    return {"Idempotency-Key": key or uuid4().hex}


def unless_once(answer: httpx.Response) -> dict[str, object]:
    """Return the body of an answer without what cannot be told twice."""
    return {name: value for name, value in answer.json().items() if name != "key"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/keys", KEY),
        ("/v1/endpoints", ENDPOINT),
        ("/v1/tasks", {"type": "math.divide", "input": {"x": 1, "y": 4}, "delay": 60}),
        ("/v1/secret/rotate", {"overlap": 60}),
        ("/v1/secret/rotate", None),
    ],
)
async def test_the_same_request_gets_its_first_answer_again(
    client: httpx.AsyncClient, path: str, body: dict[str, object] | None
) -> None:
    headers = keyed()
    first = await client.post(path, json=body, headers=headers)

    again = await client.post(path, json=body, headers=headers)

    assert first.is_success or first.is_redirect, first.text
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert again.status_code == first.status_code
    assert again.headers.get("location") == first.headers.get("location")
    assert unless_once(again) == unless_once(first)


async def test_who_made_an_endpoint_is_not_told_a_later_secret(client: httpx.AsyncClient) -> None:
    made, rotated, again = keyed(), keyed(), keyed()
    endpoint = (await client.post("/v1/endpoints", json=ENDPOINT, headers=made)).json()
    place = f"/v1/endpoints/{endpoint['id']}/secret/rotate"
    second = (await client.post(place, headers=rotated)).json()["secret"]
    repeated = (await client.post(place, headers=rotated)).json()["secret"]
    await client.post(place, headers=again)

    answers = [
        await client.post("/v1/endpoints", json=ENDPOINT, headers=made),
        await client.post(place, headers=rotated),
    ]

    assert repeated == second != endpoint["secret"]
    assert [(one.headers[REPLAYED], one.json()["secret"]) for one in answers] == [("true", None), ("true", None)]


@pytest.mark.parametrize("action", ["pause", "enable", "secret/rotate"])
async def test_what_was_done_to_an_endpoint_that_is_gone_cannot_be_told_again(
    client: httpx.AsyncClient, action: str
) -> None:
    endpoint, headers = (await client.post("/v1/endpoints", json=ENDPOINT)).json(), keyed()
    path = f"/v1/endpoints/{endpoint['id']}"
    await client.post(f"{path}/{action}", headers=headers)
    await client.delete(path)

    refused(await client.post(f"{path}/{action}", headers=headers), 410, "gone")
    refused(await client.post(f"{path}/{action}", headers=keyed()), 404, "not-found")


async def test_how_many_were_cancelled_is_told_again_though_the_endpoint_is_gone(client: httpx.AsyncClient) -> None:
    endpoint, headers = (await client.post("/v1/endpoints", json=ENDPOINT)).json(), keyed()
    path = f"/v1/endpoints/{endpoint['id']}"
    first = await client.post(f"{path}/cancel", headers=headers)
    await client.delete(path)

    again = await client.post(f"{path}/cancel", headers=headers)

    assert (again.status_code, again.json(), again.headers[REPLAYED]) == (202, first.json(), "true")


async def test_a_key_that_was_made_is_not_told_twice(client: httpx.AsyncClient) -> None:
    headers = keyed()
    first = await client.post("/v1/keys", json=KEY, headers=headers)

    again = await client.post("/v1/keys", json=KEY, headers=headers)

    assert first.json()["key"].startswith("rb_")
    assert again.json()["key"] is None


async def test_the_operators_keys_are_the_operators(operator: httpx.AsyncClient) -> None:
    headers, body = keyed(), {"slug": f"t-{uuid4().hex}", "name": "Acme"}
    first = await operator.post("/v1/tenants", json=body, headers=headers)

    again = await operator.post("/v1/tenants", json=body, headers=headers)

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers[REPLAYED] == "true"


@pytest.mark.parametrize("answer", ["cancel", "retry"])
async def test_a_change_of_a_task_is_made_once(acme: Account, rows: Rows, answer: str) -> None:
    ended = {"status": "SUCCESS", "due_at": None, "finished_at": ago(1)} if answer == "retry" else {}
    task = ids.encode(ids.TASK, await rows.task(acme.tenant_id, **ended))
    headers = keyed()
    first = await acme.client.post(f"/v1/tasks/{task}/{answer}", headers=headers)

    again = await acme.client.post(f"/v1/tasks/{task}/{answer}", headers=headers)

    assert first.status_code in {202, 303}
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers[REPLAYED] == "true"


async def test_fifty_requests_at_once_make_one_thing(client: httpx.AsyncClient) -> None:
    headers = keyed()

    answers = await asyncio.gather(*[client.post("/v1/keys", json=KEY, headers=headers) for _ in range(50)])

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum(REPLAYED not in answer.headers for answer in answers if answer.status_code == 201) == 1
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len(data(await client.get("/v1/keys"))) == 2


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/keys", KEY, KEY | {"name": "frontend"}),
        ("/v1/endpoints", ENDPOINT, ENDPOINT | {"description": "other"}),
        ("/v1/secret/rotate", {"overlap": 1}, {"overlap": 2}),
    ],
)
async def test_another_body_is_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, object], other: dict[str, object]
) -> None:
    headers = keyed()
    await client.post(path, json=body, headers=headers)

    refused(await client.post(path, json=other, headers=headers), 422, "idempotency-key-reused")


async def test_a_key_belongs_to_one_path(client: httpx.AsyncClient) -> None:
    headers = keyed()
    await client.post("/v1/keys", json=KEY, headers=headers)

    answer = await client.post("/v1/endpoints", json=ENDPOINT, headers=headers)

    assert answer.status_code == 201
    assert REPLAYED not in answer.headers


async def test_a_key_belongs_to_one_tenant(acme: Account, other: Account) -> None:
    headers = keyed()
    first = await acme.client.post("/v1/keys", json=KEY, headers=headers)

    theirs = await other.client.post("/v1/keys", json=KEY, headers=headers)

    assert REPLAYED not in theirs.headers
    assert theirs.json()["id"] != first.json()["id"]


async def test_a_key_belongs_to_one_owner(client: httpx.AsyncClient) -> None:
    headers, url = keyed(), str(client.base_url)
    keys = [
        document(await client.post("/v1/keys", json={"name": "k", "role": "partner", "owner": owner}))["key"]
        for owner in ("a", "b")
    ]
    async with client_of(url, keys[0]) as mine, client_of(url, keys[1]) as theirs:
        first = await mine.post("/v1/endpoints", json=ENDPOINT, headers=headers)

        second = await theirs.post("/v1/endpoints", json=ENDPOINT, headers=headers)

    tenants = await client.post("/v1/endpoints", json=ENDPOINT, headers=headers)
    assert [REPLAYED in answer.headers for answer in (first, second, tenants)] == [False, False, False]
    assert [answer.json()["owner"] for answer in (first, second, tenants)] == ["a", "b", None]


@pytest.mark.parametrize("key", ["", '""', "k" * 256, '"' + "k" * 256 + '"', "kéy", "a\tb"])
@pytest.mark.parametrize("path", ["/v1/keys", "/v1/tasks", "/v1/secret/rotate"])
async def test_a_malformed_key_is_a_bad_request(client: httpx.AsyncClient, path: str, key: str) -> None:
    body = {"/v1/keys": KEY, "/v1/tasks": {"type": "math.divide", "input": {"x": 1, "y": 4}}}.get(path)
    headers = {"Idempotency-Key": key.encode()}

    refused(await client.post(path, json=body, headers=headers), 400, "bad-request")  # pyright: ignore[reportArgumentType] - bytes are taken


@pytest.mark.parametrize("sent", ["k" * 255, '"' + "k" * 255 + '"'])
async def test_quoted_or_bare_it_is_the_same_key(client: httpx.AsyncClient, sent: str) -> None:
    first = await client.post("/v1/keys", json=KEY, headers=keyed("k" * 255))

    again = await client.post("/v1/keys", json=KEY, headers=keyed(sent))

    assert again.json()["id"] == first.json()["id"]


async def test_an_error_frees_the_key(client: httpx.AsyncClient) -> None:
    headers = keyed()
    failed = await client.post("/v1/endpoints", json=ENDPOINT | {"url": "http://169.254.169.254/"}, headers=headers)

    answer = await client.post("/v1/endpoints", json=ENDPOINT, headers=headers)

    assert (failed.status_code, answer.status_code) == (422, 201)
    assert REPLAYED not in answer.headers


async def test_an_error_after_the_key_was_taken_frees_it(operator: httpx.AsyncClient) -> None:
    headers, slug = keyed(), f"t-{uuid4().hex}"
    await operator.post("/v1/tenants", json={"slug": slug, "name": "first"})
    taken = await operator.post("/v1/tenants", json={"slug": slug, "name": "second"}, headers=headers)

    answer = await operator.post("/v1/tenants", json={"slug": f"{slug[:20]}-2", "name": "second"}, headers=headers)

    assert (taken.status_code, answer.status_code) == (409, 201)


async def test_an_expired_key_is_new(acme: Account, rows: Rows) -> None:
    headers = keyed()
    await acme.client.post("/v1/keys", json=KEY, headers=headers)
    async with rows.database.engine() as tx:
        await tx.execute(
            tables.dedupe.update().where(tables.dedupe.c.tenant_id == acme.tenant_id).values(expires_at=ago(1))
        )

    answer = await acme.client.post("/v1/keys", json=KEY, headers=headers)

    assert answer.status_code == 201
    assert REPLAYED not in answer.headers


async def test_a_key_that_has_ended_since_is_answered_again(client: httpx.AsyncClient) -> None:
    headers, body = keyed(), KEY | {"expires_at": (clock.now() + timedelta(seconds=10)).isoformat()}
    first = await client.post("/v1/keys", json=body, headers=headers)

    def look() -> None:
        bearer = {"Authorization": f"Bearer {document(first)['key']}"}
        assert httpx.get(f"{client.base_url}/v1/tasks", headers=bearer, trust_env=False).status_code == 401

    await asyncio.to_thread(eventually, look)
    again = await client.post("/v1/keys", json=body, headers=headers)

    assert pointers(await client.post("/v1/keys", json=body, headers=keyed())) == ["/expires_at"]
    assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
    assert unless_once(again) == unless_once(first) | {"last_used_at": again.json()["last_used_at"]}


async def test_a_wish_for_a_key_that_has_ended_frees_its_key(client: httpx.AsyncClient) -> None:
    headers = keyed()
    ended = await client.post("/v1/keys", json=KEY | {"expires_at": "2020-01-01T00:00:00Z"}, headers=headers)

    answer = await client.post("/v1/keys", json=KEY, headers=headers)

    assert (pointers(ended), answer.status_code) == (["/expires_at"], 201)


async def test_what_was_made_and_is_gone_is_told_so(acme: Account) -> None:
    headers = keyed()
    made = document(await acme.client.post("/v1/endpoints", json=ENDPOINT, headers=headers))
    await acme.client.delete(f"/v1/endpoints/{made['id']}")

    refused(await acme.client.post("/v1/endpoints", json=ENDPOINT, headers=headers), 410, "gone")


async def test_no_secret_is_kept_with_a_key(acme: Account, rows: Rows) -> None:
    key = document(await acme.client.post("/v1/keys", json=KEY, headers=keyed()))["key"]
    secret = document(await acme.client.post("/v1/endpoints", json=ENDPOINT, headers=keyed()))["secret"]

    kept = str(await rows.all("SELECT * FROM dedupe WHERE tenant_id = :id", id=acme.tenant_id))

    assert (key in kept, secret in kept, secret.removeprefix("whsec_") in kept) == (False, False, False)


async def test_a_request_whose_first_is_under_way_waits_or_conflicts(acme: Account, rows: Rows) -> None:
    headers = keyed("held")
    values = sample(tables.dedupe, acme.tenant_id, 0) | {"kind": "request", "key": "POST /v1/keys held"}
    async with rows.database.engine() as tx:
        await tx.execute(tables.dedupe.insert().values(**values))

        answer = await acme.client.post("/v1/keys", json=KEY, headers=headers)

    refused(answer, 409, "conflict")
