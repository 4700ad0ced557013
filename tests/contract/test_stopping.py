"""An API process that is told to stop answers what is under way, and lets nobody wait for more."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from signal import SIGTERM

import httpx
import pytest

from core.model import ids
from tests.support.accounts import client_of, open_account
from tests.support.raw_http import RawAnswer, converse, key_of, post
from tests.support.rows import Rows
from tests.support.stack import Stack, eventually
from tests.support.stores import ask

WHOLE = 60
"""Seconds: longer than anybody waits."""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
HELD = """
INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, expires_at)
VALUES ($1, 'event', 'held', sha256('x'), '{}', now() + INTERVAL '1 hour')
"""


@pytest.fixture
async def own(tmp_path: Path, api_database: str, redis_store: str) -> AsyncGenerator[Stack]:
    """An API process of the test's own."""
    broker = redis_store.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
    stack = Stack(tmp_path, database=api_database, broker=broker, redis=redis_store)
    stack.start("api")
    await asyncio.to_thread(stack.wait_until_ready)
    yield stack
    stack.close()


async def test_an_event_under_way_is_answered_and_its_connection_closed(
    own: Stack, rows: Rows, api_database: str
) -> None:
    async with client_of(str(own.client.base_url), own.operator_key) as operator:
        account = await open_account(operator)
    async with account.client as client, rows.database.engine() as tx:
        await client.get("/v1/events")
        await tx.exec_driver_sql(HELD, (account.tenant_id,))
        sent = await under_way(client, api_database)

        await told_to_stop(own)
        for _ in range(2):
            if sent.done():  # it was answered before the API heard
                await started_anew(own)
                sent = await under_way(client, api_database)
                await told_to_stop(own)
        await tx.rollback()
    answer = await sent
    await asyncio.to_thread(own.kill, "api", SIGTERM)
    assert answer.status in {202, 503}  # on a busy machine the key is let go of too late
    assert answer.headers["connection"] == "close"


async def told_to_stop(stack: Stack) -> None:
    """Tell the API to stop; return once it accepts no connection."""
    os.kill(stack.processes["api"].pid, SIGTERM)
    await asyncio.to_thread(eventually, lambda: refuses(stack))


async def started_anew(stack: Stack) -> None:
    """Start the API again once it has ended."""
    await asyncio.to_thread(stack.kill, "api", SIGTERM)
    stack.start("api")
    await asyncio.to_thread(stack.wait_until_ready)


def refuses(stack: Stack) -> None:
    with socket.socket() as tried:
        assert tried.connect_ex(("127.0.0.1", stack.port)) != 0


async def under_way(client: httpx.AsyncClient, database: str) -> asyncio.Task[RawAnswer]:
    """Send an event that waits for its key; one that was answered before it was seen to wait is sent again."""
    sent = asyncio.create_task(send(client))
    while await asyncio.to_thread(ask, database, WAITING) == "0":
        if sent.done():
            sent = asyncio.create_task(send(client))
    return sent


async def send(client: httpx.AsyncClient) -> RawAnswer:
    (answer,), _ = await converse(client, [post("/v1/events", key_of(client), b'{"type":"a","id":"held","data":1}')])
    return answer


async def test_who_waits_is_answered_and_who_listens_is_let_go(own: Stack, rows: Rows) -> None:
    async with client_of(str(own.client.base_url), own.operator_key) as operator:
        account = await open_account(operator)
    task = ids.encode(ids.TASK, await rows.task(account.tenant_id))
    endpoint = ids.encode(ids.ENDPOINT, await rows.endpoint(account.tenant_id, mode="pull", url=""))

    async with account.client as client:
        going = [
            asyncio.create_task(asked)
            for asked in (
                read(client, "/v1/stream"),
                read(client, f"/v1/tasks/{task}/stream"),
                client.get(f"/v1/tasks/{task}?wait=60", timeout=WHOLE),
                client.post(f"/v1/endpoints/{endpoint}/pull", json={"wait": 20}, timeout=WHOLE),
            )
        ]
        await asyncio.gather(*(client.get("/healthz") for _ in range(len(going))))  # theirs are there by then
        os.kill(own.processes["api"].pid, SIGTERM)
        answers = await asyncio.gather(*going)
    await asyncio.to_thread(own.processes["api"].wait, WHOLE)

    assert [one.status_code for one in answers] == [200, 200, 202, 200]
    assert (answers[2].json()["status"], answers[3].json()) == ("PENDING", {"data": []})
    assert (own.log("api").count("api.stopped"), own.log("api").count("Cancel")) == (1, 0)


async def read(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """Read a stream to its end; one that is broken off raises."""
    async with client.stream("GET", path, timeout=WHOLE) as answer:
        await answer.aread()
    return answer
