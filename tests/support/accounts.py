"""Who calls the API in tests, and what its answers have to look like."""

from dataclasses import dataclass
from typing import cast
from uuid import uuid4

import httpx

from core.model import ids
from core.model.ids import TenantId
from tests.support.secrecy import note_key_too

Json = dict[str, object]


@dataclass(frozen=True)
class Account:
    """A tenant, and a client that holds one of its keys."""

    tenant_id: TenantId
    slug: str
    client: httpx.AsyncClient


async def open_account(operator: httpx.AsyncClient) -> Account:
    """Make a tenant with an admin's key; close its client at the end."""
    slug = f"t-{uuid4().hex}"
    made = await operator.post("/v1/tenants", json={"slug": slug, "name": "Acme"})
    tenant_id = TenantId(ids.decode(ids.TENANT, document(made)["id"]))
    acting = {"Ringback-Tenant": slug}
    key = document(await operator.post("/v1/keys", json={"name": "admin", "role": "admin"}, headers=acting))["key"]
    return Account(tenant_id, slug, client_of(str(operator.base_url), key))


def client_of(base_url: str, key: str | None) -> httpx.AsyncClient:
    """Return a client with a key, or with none."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=60,
        trust_env=False,
        verify=False,
        event_hooks={"request": [note_key_too]},
    )


def document(answer: httpx.Response) -> dict[str, str]:
    """Return a JSON object whose values a test takes for texts."""
    assert answer.is_success or answer.is_redirect, answer.text
    return cast("dict[str, str]", answer.json())


def data(answer: httpx.Response) -> list[Json]:
    """Return what a list holds."""
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["data"]
    return found


def refused(answer: httpx.Response, status: int, code: str) -> Json:
    """Return the problem document of an answer, which has to be one (RFC 9457) of this status and type."""
    problem: Json = answer.json()
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(problem)
    assert (problem["type"], problem["status"]) == (f"/problems/{code}", status)
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def pointers(answer: httpx.Response) -> list[str]:
    """Return where the bad values of a 422 are."""
    problem = refused(answer, 422, "invalid-input")
    return sorted(error["pointer"] for error in cast("list[dict[str, str]]", problem["errors"]))
