"""The tenant's default signing secret: read, and rotated with an overlap."""

import httpx
import pytest

from tests.support.accounts import Account, client_of, document, pointers, refused
from tests.support.rows import Rows


async def test_a_rotation_tells_the_new_secret(client: httpx.AsyncClient) -> None:
    before = document(await client.get("/v1/secret"))["secret"]

    answer = await client.post("/v1/secret/rotate", json={})

    made = document(answer)["secret"]
    assert made.startswith("whsec_")
    assert made != before
    assert document(await client.get("/v1/secret"))["secret"] == made
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("body", "seconds"), [({}, 86_400), ({"overlap": 1}, 1), ({"overlap": 604_800}, 604_800)])
async def test_the_overlap_is_a_day_unless_told(acme: Account, rows: Rows, body: dict[str, int], seconds: int) -> None:
    await acme.client.post("/v1/secret/rotate", json=body)

    due = (
        "SELECT expires_at BETWEEN created_at + :n * INTERVAL '1 s' AND now() + :n * INTERVAL '1 s' AS so FROM secrets"
    )
    (row,) = await rows.all(f"{due} WHERE tenant_id = :id AND expires_at IS NOT NULL", id=acme.tenant_id, n=seconds)
    assert row["so"]


async def test_a_rotation_needs_no_body(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/secret/rotate")).status_code == 200


@pytest.mark.parametrize("overlap", [-1, 604_801, "1", 1.5, None, True])
async def test_an_overlap_that_cannot_be_is_refused(client: httpx.AsyncClient, overlap: object) -> None:
    assert pointers(await client.post("/v1/secret/rotate", json={"overlap": overlap})) == ["/overlap"]


@pytest.mark.parametrize(("scopes", "missing"), [(["secrets:read"], "keys:write"), (["keys:write"], "secrets:read")])
async def test_a_rotation_takes_two_scopes(client: httpx.AsyncClient, scopes: list[str], missing: str) -> None:
    key = document(await client.post("/v1/keys", json={"name": "k", "scopes": scopes}))["key"]

    async with client_of(str(client.base_url), key) as lacking:
        answer = await lacking.post("/v1/secret/rotate", json={})

    assert missing in str(refused(answer, 403, "forbidden")["detail"])


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/secret"), ("POST", "/v1/secret/rotate")])
async def test_the_default_secret_is_no_owners(client: httpx.AsyncClient, method: str, path: str) -> None:
    wish = {"name": "k", "scopes": ["keys:write", "secrets:read"], "owner": "a"}
    key = document(await client.post("/v1/keys", json=wish))["key"]

    async with client_of(str(client.base_url), key) as owner:
        refused(await owner.request(method, path), 403, "other-owner")
