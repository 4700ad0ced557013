"""Recover, as the API answers: a task that its starter may poll, whatever else the key may not."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus

import httpx
import pytest
from sqlalchemy import func

from core.model import ids, tables
from core.model.ids import EndpointId
from tests.support.accounts import Account, Json, client_of, document, pointers, refused
from tests.support.rows import Rows

SINCE = "2026-01-01T00:00:00Z"
OWNER = "partner-1"


def path(endpoint: EndpointId) -> str:
    return f"/v1/endpoints/{ids.encode(ids.ENDPOINT, endpoint)}/recover"


async def key_of(account: Account, **wish: object) -> httpx.AsyncClient:
    """Return a client with a key of its own."""
    made = await account.client.post("/v1/keys", json={"name": "own", **wish})
    return client_of(str(account.client.base_url), document(made)["key"])


@dataclass(frozen=True)
class Partner:
    """A partner's key, with an owner, and an endpoint of that owner."""

    client: httpx.AsyncClient
    endpoint: EndpointId


@pytest.fixture
async def partner(acme: Account, rows: Rows) -> AsyncGenerator[Partner]:
    """A partner of the tenant."""
    async with await key_of(acme, role="partner", owner=OWNER) as client:
        yield Partner(client, await rows.endpoint(acme.tenant_id, owner=OWNER))


async def test_a_recover_is_a_task_with_its_place(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)

    answer = await acme.client.post(path(endpoint), json={"since": SINCE, "event_types": ["order.*"]})

    task: Json = answer.json()
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert answer.headers["location"] == f"/v1/tasks/{task['task_id']}"
    assert (task["type"], task["status"]) == ("endpoints.recover", "PENDING")
    assert isinstance(task["input"], dict)
    assert (task["input"]["since"], task["input"]["event_types"]) == ("2026-01-01T00:00:00.000Z", ["order.*"])
    assert task["input"]["until"]


async def test_a_recover_may_be_accepted_without_a_redirect(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)

    answer = await acme.client.post(path(endpoint), json={"since": SINCE}, headers={"Prefer": "respond-async"})

    assert answer.status_code == HTTPStatus.ACCEPTED


async def test_the_same_key_starts_one_recover(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    key = {"Idempotency-Key": "once"}
    first = await acme.client.post(path(endpoint), json={"since": SINCE}, headers=key)

    again = await acme.client.post(path(endpoint), json={"since": SINCE}, headers=key)

    assert (again.headers["location"], again.headers["idempotent-replayed"]) == (first.headers["location"], "true")


async def test_the_same_key_is_answered_with_the_same_status(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    headers = {"Idempotency-Key": "once", "Prefer": "respond-async"}

    answers = [await acme.client.post(path(endpoint), json={"since": SINCE}, headers=headers) for _ in range(2)]

    assert [one.status_code for one in answers] == [202, 202]


async def test_preferences_may_come_in_several_lines(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    lines = [("Prefer", "return=minimal"), ("Prefer", "respond-async")]

    answer = await acme.client.post(path(endpoint), json={"since": SINCE}, headers=lines)

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")


async def test_a_recover_is_answered_again_though_its_endpoint_takes_nothing_more(acme: Account, rows: Rows) -> None:
    endpoint, key = await rows.endpoint(acme.tenant_id), {"Idempotency-Key": "once"}
    first = await acme.client.post(path(endpoint), json={"since": SINCE}, headers=key)
    await rows.change(tables.endpoints, endpoint, deleted_at=func.now())

    again = await acme.client.post(path(endpoint), json={"since": SINCE}, headers=key)

    refused(await acme.client.post(path(endpoint), json={"since": SINCE}), 409, "conflict")
    assert (again.status_code, again.json()["task_id"]) == (303, first.json()["task_id"])


@pytest.mark.parametrize(
    "columns",
    [{"status": "disabled", "disabled_reason": "gone"}, {"deleted_at": func.now()}],
    ids=["disabled", "deleted"],
)
async def test_an_endpoint_that_takes_nothing_is_a_conflict(
    acme: Account, rows: Rows, columns: dict[str, object]
) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, **columns)

    refused(await acme.client.post(path(endpoint), json={"since": SINCE}), 409, "conflict")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["/since"]),
        ({"since": "2026-01-01T00:00:00"}, ["/since"]),
        ({"since": SINCE, "until": SINCE}, ["/since"]),
        ({"since": SINCE, "until": "2025-01-01T00:00:00Z"}, ["/since"]),
        ({"since": SINCE, "until": 1_800_000_000.5}, ["/until"]),
        ({"since": "1800000000"}, ["/since"]),
        ({"since": SINCE, "event_types": ["*"]}, ["/event_types/0"]),
        ({"since": SINCE, "all": True}, ["/all"]),
    ],
    ids=json.dumps,
)
async def test_a_bad_window_is_told(acme: Account, rows: Rows, body: dict[str, object], where: list[str]) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)

    assert pointers(await acme.client.post(path(endpoint), json=body)) == where


@pytest.mark.parametrize("part", ["", "/result", "/stream"])
async def test_a_partner_polls_the_recover_that_it_started(partner: Partner, part: str) -> None:
    location = (await partner.client.post(path(partner.endpoint), json={"since": SINCE})).headers["location"]

    async with partner.client.stream("GET", location + part) as polled:
        assert polled.status_code in {200, 202}


async def test_a_partner_reads_no_other_task(acme: Account, rows: Rows, partner: Partner) -> None:
    task = ids.encode(ids.TASK, await rows.task(acme.tenant_id))

    refused(await partner.client.get(f"/v1/tasks/{task}"), 403, "forbidden")
    refused(await partner.client.get(f"/v1/tasks/task_{'0' * 26}"), 403, "forbidden")


async def test_a_partner_does_not_poll_anothers_recover(acme: Account, rows: Rows, partner: Partner) -> None:
    theirs = await rows.endpoint(acme.tenant_id, owner="partner-2")
    location = (await acme.client.post(path(theirs), json={"since": SINCE})).headers["location"]

    refused(await partner.client.get(location), 403, "forbidden")


async def test_a_partner_recovers_no_other_partners_endpoint(acme: Account, rows: Rows, partner: Partner) -> None:
    theirs = await rows.endpoint(acme.tenant_id, owner="partner-2")

    refused(await partner.client.post(path(theirs), json={"since": SINCE}), 404, "not-found")


async def test_a_recover_is_no_task_type_of_clients(acme: Account) -> None:
    listed = await acme.client.get("/v1/task-types/endpoints.recover")
    submitted = await acme.client.post("/v1/tasks", json={"type": "endpoints.recover", "input": {}})

    refused(listed, 404, "not-found")
    assert pointers(submitted) == ["/type"]


async def test_a_recover_is_not_run_again_as_a_task_of_a_client(acme: Account, rows: Rows) -> None:
    started = await acme.client.post(path(await rows.endpoint(acme.tenant_id)), json={"since": SINCE})
    await acme.client.post(f"{started.headers['location']}/cancel")

    refused(await acme.client.post(f"{started.headers['location']}/retry"), 409, "conflict")


async def test_a_recover_needs_the_scope_for_it(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)

    async with await key_of(acme, role="client") as client:
        refused(await client.post(path(endpoint), json={"since": SINCE}), 403, "forbidden")
