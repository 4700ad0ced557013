"""Checks and recovers, which whoever may change an endpoint may start: within the tenant's limits."""

import asyncio
from http import HTTPStatus
from uuid import UUID, uuid4

import httpx
import pytest

from core.intake.accept import AT_ONCE
from core.model import ids, tables
from tests.support.accounts import Account, data, document, refused
from tests.support.partners import path_of, registered
from tests.support.rows import Rows
from tests.support.samples import ago

WINDOW = {"since": "2026-01-01T00:00:00Z"}
BODIES: dict[str, dict[str, str] | None] = {"/check": None, "/recover": WINDOW}
SUCCESS: dict[str, object] = {"status": "SUCCESS"}
FAILURE: dict[str, object] = {"status": "FAILURE", "error_code": "x", "error_title": "x", "error_detail": "x"}
REVOKED: dict[str, object] = {"status": "REVOKED"}
WAITING: dict[str, object] = {"status": "PENDING"}
RUNNING: dict[str, object] = {"status": "STARTED", "due_at": None, "lease_until": ago(-60), "run": 1}
PUBLISHED = "SELECT count(*) AS n FROM tasks WHERE tenant_id = :id AND published_until IS NOT NULL"


def task_in(answer: httpx.Response) -> UUID:
    return ids.decode(ids.TASK, document(answer)["task_id"])


@pytest.mark.parametrize("state", [WAITING, RUNNING], ids=["waits", "runs"])
async def test_a_check_that_has_not_ended_is_the_answer_to_another(
    client: httpx.AsyncClient, rows: Rows, state: dict[str, object]
) -> None:
    endpoint = await registered(client)
    first = await client.post(path_of(endpoint, "/check"))
    await rows.change(tables.tasks, task_in(first), **state)

    again = await client.post(path_of(endpoint, "/check"), headers={"Idempotency-Key": uuid4().hex})

    assert (again.status_code, again.headers["location"]) == (HTTPStatus.SEE_OTHER, first.headers["location"])
    assert "idempotent-replayed" not in again.headers
    assert len(data(await client.get("/v1/tasks"))) == 1


async def test_many_who_ask_for_a_check_at_once_start_one(client: httpx.AsyncClient) -> None:
    endpoint = await registered(client)

    answers = await asyncio.gather(*[client.post(path_of(endpoint, "/check")) for _ in range(10)])

    assert len({task_in(one) for one in answers}) == 1


async def test_a_recover_beside_one_that_has_not_ended_is_one_of_its_own(client: httpx.AsyncClient) -> None:
    endpoint = await registered(client)

    answers = [await client.post(path_of(endpoint, "/recover"), json=WINDOW) for _ in range(2)]

    assert len({task_in(one) for one in answers}) == 2


@pytest.mark.parametrize("end", [SUCCESS, FAILURE, REVOKED], ids=["succeeded", "failed", "revoked"])
@pytest.mark.parametrize("action", BODIES)
async def test_one_that_has_ended_makes_room_for_another(
    client: httpx.AsyncClient, rows: Rows, action: str, end: dict[str, object]
) -> None:
    endpoint = await registered(client)
    first = await client.post(path_of(endpoint, action), json=BODIES[action])
    await rows.change(tables.tasks, task_in(first), due_at=None, finished_at=ago(1), **end)

    second = await client.post(path_of(endpoint, action), json=BODIES[action])

    assert (second.status_code, task_in(second) == task_in(first)) == (HTTPStatus.SEE_OTHER, False)
    assert len(data(await client.get("/v1/tasks"))) == 2


async def test_a_check_and_recovers_of_others_do_not_mind_each_other(client: httpx.AsyncClient) -> None:
    endpoints = [await registered(client) for _ in range(2)]

    answers = [await client.post(path_of(one, action), json=BODIES[action]) for one in endpoints for action in BODIES]

    assert len({task_in(one) for one in answers}) == 4


@pytest.mark.parametrize("action", BODIES)
async def test_no_more_wait_than_the_tenant_may_have(acme: Account, rows: Rows, action: str) -> None:
    await rows.change(tables.tenants, acme.tenant_id, waiting_tasks=1)
    endpoints = [await registered(acme.client) for _ in range(2)]
    first = await acme.client.post(path_of(endpoints[0], "/check"))

    answer = await acme.client.post(path_of(endpoints[1], action), json=BODIES[action])

    refused(answer, 429, "limit-reached")
    assert answer.headers["ratelimit-policy"] == '"waiting-tasks";q=1'
    assert task_in(await acme.client.post(path_of(endpoints[0], "/check"))) == task_in(first)


async def test_no_more_are_published_than_the_tenants_share(acme: Account, rows: Rows) -> None:
    endpoints = [await registered(acme.client) for _ in range(AT_ONCE + 4)]

    answers = [await acme.client.post(path_of(one, "/check")) for one in endpoints]

    assert {one.status_code for one in answers} == {HTTPStatus.SEE_OTHER}
    assert await rows.one(PUBLISHED, id=acme.tenant_id) == {"n": AT_ONCE}
