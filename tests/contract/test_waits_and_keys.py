"""Whose key is revoked while it waits for an answer is told that, and gets nothing any more."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from core.model import ids, tables
from core.model.ids import TaskId
from tests.support.accounts import client_of, data, document, refused
from tests.support.partners import path_of
from tests.support.pulling import pulled_from, send
from tests.support.pulse import promised
from tests.support.rows import Rows
from tests.support.stack import eventually

SCOPES = ["deliveries:write", "tasks:read", "tasks:write"]
SLEEP = {"type": "math.divide", "input": {"x": 1, "y": 2}, "delay": 3600}


@pytest.fixture
async def backend(client: httpx.AsyncClient) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with a key that is about to be revoked."""
    key = document(await client.post("/v1/keys", json={"name": "backend", "scopes": SCOPES}))["key"]
    async with client_of(str(client.base_url), key) as opened:
        await opened.get("/v1/tasks")
        yield opened


async def revoke(client: httpx.AsyncClient, backend: httpx.AsyncClient) -> None:
    """Revoke the key of a client; return once it is refused."""
    (id_,) = [one["id"] for one in data(await client.get("/v1/keys")) if one["name"] == "backend"]
    await client.delete(f"/v1/keys/{id_}")

    def look() -> None:
        answer = httpx.get(f"{backend.base_url}/v1/tasks", headers=backend.headers, trust_env=False)
        assert answer.status_code == 401

    await asyncio.to_thread(promised, look, within=5)


def only_task(client: httpx.AsyncClient) -> dict[str, object]:
    """Return the tenant's task, once there is one."""
    found = httpx.get(f"{client.base_url}/v1/tasks", headers=client.headers, trust_env=False).json()["data"]
    assert len(found) == 1
    one: dict[str, object] = found[0]
    return one


async def test_a_pull_that_waits_hands_out_nothing_to_a_revoked_key(
    client: httpx.AsyncClient, backend: httpx.AsyncClient
) -> None:
    endpoint = await pulled_from(client)
    waiting = asyncio.create_task(backend.post(path_of(endpoint, "/pull"), json={"wait": 60}))
    await backend.get("/v1/tasks")  # the pull was there first
    await revoke(client, backend)

    await send(client, 1)

    refused(await waiting, 401, "unauthorized")
    (delivery,) = data(await client.get("/v1/deliveries", params={"endpoint_id": str(endpoint["id"])}))
    assert delivery["attempt_count"] == 0


async def test_another_who_waits_gets_what_is_handed_out_to_no_revoked_key(
    client: httpx.AsyncClient, backend: httpx.AsyncClient
) -> None:
    endpoint = await pulled_from(client)
    first = asyncio.create_task(backend.post(path_of(endpoint, "/pull"), json={"wait": 60}))
    await backend.get("/v1/tasks")
    second = asyncio.create_task(client.post(path_of(endpoint, "/pull"), json={"wait": 20}))
    await revoke(client, backend)

    await send(client, 1)

    assert len(data(await second)) == 1
    refused(await first, 401, "unauthorized")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_wait_for_a_task_tells_a_revoked_key_nothing(
    client: httpx.AsyncClient, backend: httpx.AsyncClient, rows: Rows, method: str
) -> None:
    path = "/v1/tasks" if method == "POST" else (await client.post("/v1/tasks", json=SLEEP)).headers["location"]
    waiting = asyncio.create_task(
        backend.request(method, path, json=SLEEP if method == "POST" else None, headers={"Prefer": "wait=60"})
    )
    task = await asyncio.to_thread(eventually, lambda: only_task(client))
    await revoke(client, backend)

    await client.post(f"/v1/tasks/{task['task_id']}/cancel")

    refused(await waiting, 401, "unauthorized")
    row = await rows.row(tables.tasks, TaskId(ids.decode(ids.TASK, str(task["task_id"]))))
    assert row["status"] == "REVOKED"
