"""A thousand clients that wait for one task, on one API process that was started with few open files."""

import asyncio
from collections.abc import AsyncGenerator, Generator

import httpx
import pytest

from tests.conftest import TEMPLATE
from tests.support.accounts import client_of, open_account
from tests.support.crowd import Waiter, files_limits, soft_limit, threads
from tests.support.offering import offer_task_types
from tests.support.partners import path_of
from tests.support.pulling import pulled_from
from tests.support.stack import Stack
from tests.support.stores import PostgresServer, ask

POLLS = 500
STREAMS = 500
FEW = 256
PULL = b'{"max":1,"wait":60}'
POOLS = 20  # api/state.py: two pools of ten
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'crowd' AND application_name = 'ringback'"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str) -> Generator[Stack]:
    """An API whose soft limit of open files was lower than what waits for it, and a client that has more."""
    database = postgres.create_database("crowd", TEMPLATE)
    asyncio.run(offer_task_types(database))
    broker = redis_store.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
    stack = Stack(tmp_path_factory.mktemp("crowd"), database=database, broker=broker, redis=redis_store)
    try:
        with soft_limit(FEW):
            stack.start("api")
        stack.wait_until_ready()
        with soft_limit(4 * (POLLS + STREAMS)):
            yield stack
    finally:
        stack.close()
        postgres.drop_database("crowd")


@pytest.fixture
async def acme(crowded: Stack) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a tenant."""
    async with client_of(str(crowded.client.base_url), crowded.operator_key) as operator:
        account = await open_account(operator)
    async with account.client:
        yield account.client


@pytest.fixture
async def path(acme: httpx.AsyncClient) -> str:
    """A task that does not end by itself for an hour."""
    body = {"type": "math.divide", "input": {"x": 1, "y": 2}, "delay": 3600}
    return str((await acme.post("/v1/tasks", json=body)).headers["location"])


async def wait_for(client: httpx.AsyncClient, path: str) -> tuple[list[Waiter], list[Waiter]]:
    """Send all polls, then open all streams; return once each stream has told the state."""
    polls = [Waiter.send(client, path, Prefer="wait=60") for _ in range(POLLS)]
    streams = [Waiter.send(client, f"{path}/stream") for _ in range(STREAMS)]
    polling, streaming = await asyncio.gather(*polls), await asyncio.gather(*streams)
    await asyncio.gather(*(one.event() for one in streaming))
    return polling, streaming


async def ends(waiters: list[Waiter]) -> list[bytes]:
    return await asyncio.gather(*(one.rest() for one in waiters))


def test_an_api_takes_as_many_open_files_as_its_hard_limit_allows(crowded: Stack) -> None:
    soft, hard = files_limits(crowded.processes["api"].pid)

    assert soft == hard
    assert hard != str(FEW)


async def test_a_thousand_wait_without_a_thread_or_a_connection_each(
    crowded: Stack, postgres: PostgresServer, acme: httpx.AsyncClient, path: str
) -> None:
    pid = crowded.processes["api"].pid
    before = threads(pid)

    waiting = await wait_for(acme, path)

    assert threads(pid) == before
    assert int(ask(postgres.superuser_url, OPEN)) <= POOLS
    await acme.post(f"{path}/cancel")
    await asyncio.gather(*map(ends, waiting))


async def test_a_thousand_are_answered_when_the_task_ends(
    crowded: Stack, postgres: PostgresServer, acme: httpx.AsyncClient, path: str
) -> None:
    polling, streaming = await wait_for(acme, path)

    await acme.post(f"{path}/cancel")

    answers, told = await asyncio.gather(ends(polling), ends(streaming))
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    assert [one for one in (*answers, *told) if b'"status":"REVOKED"' not in one] == []
    assert int(ask(postgres.superuser_url, OPEN)) <= POOLS
    assert "unavailable" not in crowded.log("api")


async def test_hundreds_who_wait_to_pull_each_get_one_of_what_comes(crowded: Stack, acme: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(acme, max_in_flight=POLLS)
    waiting = await asyncio.gather(
        *[Waiter.send(acme, path_of(endpoint, "/pull"), method="POST", body=PULL) for _ in range(POLLS)]
    )

    sent = await acme.post("/v1/events/batch", json=[{"type": "order.paid", "data": n} for n in range(POLLS)])

    answers = await ends(waiting)
    assert sent.status_code == 202
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    assert [answer.count(b'"claim"') for answer in answers] == [1] * POLLS
    assert "unavailable" not in crowded.log("api")
