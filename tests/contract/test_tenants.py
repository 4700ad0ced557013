"""Tenants and their limits, as the operator makes them."""

import asyncio
from http import HTTPStatus
from uuid import uuid4

import httpx
import pytest
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from api import auth
from core.model import ids, tables
from tests.support.accounts import Account, Json, data, document, open_account, pointers, refused
from tests.support.apps import serving, settings_of
from tests.support.rows import Rows
from tests.support.samples import ago

UNTOLD: Json = {
    "requests_per_second": None,
    "waiting_tasks": 100_000,
    "running_tasks": None,
    "endpoints": 10_000,
    "retention_days": 30,
}


async def make(operator: httpx.AsyncClient, **more: object) -> httpx.Response:
    return await operator.post("/v1/tenants", json={"slug": f"t-{uuid4().hex}", "name": "Acme", **more})


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"running_tasks": 5},
        {"requests_per_second": 1, "waiting_tasks": 0, "running_tasks": 1, "endpoints": 0, "retention_days": 1},
        {"requests_per_second": None, "running_tasks": None, "retention_days": 3650},
    ],
)
async def test_a_tenant_has_the_limits_that_it_was_made_with(operator: httpx.AsyncClient, limits: Json) -> None:
    made = document(await make(operator, limits=limits))

    found = document(await operator.get(f"/v1/tenants/{made['slug']}"))
    assert found == made
    assert found["limits"] == UNTOLD | limits


async def test_a_tenant_without_a_word_on_limits_has_the_usual_ones(operator: httpx.AsyncClient) -> None:
    assert document(await make(operator))["limits"] == UNTOLD


@pytest.mark.parametrize(
    ("limits", "pointer"),
    [
        ({"requests_per_second": 0}, "/limits/requests_per_second"),
        ({"running_tasks": 0}, "/limits/running_tasks"),
        ({"running_tasks": "5"}, "/limits/running_tasks"),
        ({"running_tasks": True}, "/limits/running_tasks"),
        ({"running_tasks": 1.5}, "/limits/running_tasks"),
        ({"running_tasks": 2**31}, "/limits/running_tasks"),
        ({"waiting_tasks": -1}, "/limits/waiting_tasks"),
        ({"waiting_tasks": None}, "/limits/waiting_tasks"),
        ({"endpoints": -1}, "/limits/endpoints"),
        ({"retention_days": 0}, "/limits/retention_days"),
        ({"retention_days": 3651}, "/limits/retention_days"),
        ({"runing_tasks": 1}, "/limits/runing_tasks"),
        (None, "/limits"),
        ([], "/limits"),
    ],
)
async def test_a_limit_that_cannot_be_is_refused_and_named(
    operator: httpx.AsyncClient, limits: object, pointer: str
) -> None:
    assert pointers(await make(operator, limits=limits)) == [pointer]


async def test_a_tenant_is_changed_by_a_merge(operator: httpx.AsyncClient) -> None:
    made = document(await make(operator, limits={"running_tasks": 5, "endpoints": 3}))
    slug = f"t-{uuid4().hex}"

    answer = await operator.patch(
        f"/v1/tenants/{made['slug']}",
        json={"slug": slug, "limits": {"running_tasks": None, "waiting_tasks": 7}},
        headers={"Content-Type": "application/merge-patch+json"},
    )

    changed = document(answer)
    assert changed["limits"] == UNTOLD | {"endpoints": 3, "waiting_tasks": 7}
    assert (changed["slug"], changed["name"], changed["id"]) == (slug, "Acme", made["id"])
    assert document(await operator.get(f"/v1/tenants/{made['id']}")) == changed


async def test_a_limit_that_is_taken_away_is_the_usual_one_again(operator: httpx.AsyncClient) -> None:
    made = document(await make(operator, limits={"retention_days": 3, "requests_per_second": 5}))

    answer = await operator.patch(f"/v1/tenants/{made['slug']}", json={"limits": None})

    assert document(answer)["limits"] == UNTOLD


async def test_nothing_to_change_changes_nothing(operator: httpx.AsyncClient) -> None:
    made = document(await make(operator))

    assert document(await operator.patch(f"/v1/tenants/{made['slug']}", json={})) == made


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"slug": None}, "/slug"),
        ({"slug": "Not A Slug"}, "/slug"),
        ({"limits": {"waiting_tasks": -1}}, "/limits/waiting_tasks"),
        ({"limits": {"retention_days": 0}}, "/limits/retention_days"),
        ({"id": "x"}, "/id"),
        ({"limits": 5}, "/limits"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_and_named(
    operator: httpx.AsyncClient, patch: Json, pointer: str
) -> None:
    made = document(await make(operator))

    assert pointers(await operator.patch(f"/v1/tenants/{made['slug']}", json=patch)) == [pointer]
    assert document(await operator.get(f"/v1/tenants/{made['id']}")) == made


async def test_a_slug_that_is_taken_stays_whose_it_is(operator: httpx.AsyncClient) -> None:
    first, second = document(await make(operator)), document(await make(operator))

    refused(await operator.patch(f"/v1/tenants/{first['id']}", json={"slug": second["slug"]}), 409, "conflict")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_tenant_that_is_not_there_is_neither_changed_nor_closed(
    operator: httpx.AsyncClient, method: str
) -> None:
    body: Json | None = {} if method == "PATCH" else None

    refused(await operator.request(method, "/v1/tenants/no-such-tenant", json=body), 404, "not-found")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_only_the_operator_changes_tenants(acme: Account, method: str) -> None:
    body = {"name": "mine"} if method == "PATCH" else None

    refused(await acme.client.request(method, f"/v1/tenants/{acme.slug}", json=body), 403, "forbidden")


async def test_the_keys_of_a_closed_tenant_die_at_once(operator: httpx.AsyncClient, acme: Account) -> None:
    before = await acme.client.get("/v1/tasks")

    closed = await operator.delete(f"/v1/tenants/{acme.slug}")

    assert (before.status_code, closed.status_code) == (200, 204)
    refused(await acme.client.get("/v1/tasks"), 401, "unauthorized")


async def test_a_closed_tenant_is_not_there_and_its_slug_is_free(operator: httpx.AsyncClient) -> None:
    made = document(await make(operator))
    await operator.delete(f"/v1/tenants/{made['id']}")

    again = await operator.post("/v1/tenants", json={"slug": made["slug"], "name": "Another"})

    assert again.status_code == 201
    assert made["id"] not in [one["id"] for one in data(await operator.get("/v1/tenants"))]
    for_it = await operator.get("/v1/tasks", headers={"Ringback-Tenant": made["id"]})
    refused(for_it, 404, "not-found")
    refused(await operator.delete(f"/v1/tenants/{made['id']}"), 404, "not-found")


async def test_the_keys_of_a_closed_tenant_die_in_every_process(
    operator: httpx.AsyncClient, acme: Account, api_database: str, redis_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "CACHED_FOR", 3600)
    monkeypatch.setattr(auth, "BELIEVED_FOR", 3600)
    headers = {"Authorization": acme.client.headers["authorization"]}

    async with serving(settings_of(database=api_database, redis=redis_store)) as another:
        before = await another.get("/v1/tasks", headers=headers)
        await operator.delete(f"/v1/tenants/{ids.encode(ids.TENANT, acme.tenant_id)}")
        after = await until_refused(another, headers)

    assert before.status_code == 200
    refused(after, 401, "unauthorized")


async def until_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    """Ask again until a key is refused: the word of it is on its way."""
    retrying = AsyncRetrying(
        retry=retry_if_result(lambda answer: answer.status_code == HTTPStatus.OK),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(60),
    )
    answer: httpx.Response = await retrying(client.get, "/v1/tasks", headers=headers)
    return answer


async def test_what_waits_for_a_closed_tenant_is_cancelled(
    operator: httpx.AsyncClient, acme: Account, rows: Rows
) -> None:
    waiting = await rows.task(acme.tenant_id)
    running = await rows.task(acme.tenant_id, status="STARTED", due_at=None, lease_until=ago(-60), run=1)
    endpoint = await rows.endpoint(acme.tenant_id)

    await operator.delete(f"/v1/tenants/{acme.slug}")

    assert (await rows.row(tables.tasks, waiting))["status"] == "REVOKED"
    assert (await rows.row(tables.tasks, running))["cancel_asked_at"] is not None
    assert (await rows.row(tables.endpoints, endpoint))["deleted_at"] is not None


async def test_requests_beyond_the_limit_are_told_when_to_come_again(operator: httpx.AsyncClient) -> None:
    account = await open_account(operator)
    await operator.patch(f"/v1/tenants/{account.slug}", json={"limits": {"requests_per_second": 2}})

    async with account.client:
        answers = await asyncio.gather(*[account.client.get("/v1/tasks") for _ in range(30)])

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) >= 2
    last = answers[statuses.index(429)]
    assert refused(last, 429, "limit-reached")["detail"] == "The tenant may make 2 requests a second."
    assert last.headers["retry-after"] == "1"
    assert last.headers["ratelimit-policy"] == '"requests-per-second";q=2'
    assert last.headers["ratelimit"] == '"requests-per-second";r=0;t=1'


async def test_one_tenants_limit_is_not_anothers(operator: httpx.AsyncClient, acme: Account, other: Account) -> None:
    await operator.patch(f"/v1/tenants/{acme.slug}", json={"limits": {"requests_per_second": 1}})
    await asyncio.gather(*[acme.client.post("/v1/tasks", json={}) for _ in range(10)])

    answers = [await other.client.get("/v1/tasks") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}


async def test_the_operator_is_not_held_back_by_a_tenants_limit(operator: httpx.AsyncClient, acme: Account) -> None:
    await operator.patch(f"/v1/tenants/{acme.slug}", json={"limits": {"requests_per_second": 1}})

    answers = [await operator.get("/v1/tasks", headers={"Ringback-Tenant": acme.slug}) for _ in range(10)]

    assert {answer.status_code for answer in answers} == {200}
