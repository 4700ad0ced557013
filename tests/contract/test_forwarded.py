"""Who tries wrong keys is told apart from others behind the same proxy, if that is one to be believed."""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from api.throttle import FAILURES
from tests.support.stack import Stack

WRONG = {"Authorization": "Bearer rb_wrong"}
FIRST, OTHER = "198.51.100.1", "198.51.100.2"
BATCH = int(FAILURES.at_once)
"""Keys tried at once: of those tried one after another, a slow machine may forget as many meanwhile."""


@pytest.fixture
async def behind(
    request: pytest.FixtureRequest, tmp_path: Path, api_database: str, redis_store: str
) -> AsyncGenerator[httpx.AsyncClient]:
    """An API process that trusts proxies of these networks."""
    broker = redis_store.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
    trusted: str = request.param
    stack = Stack(tmp_path, database=api_database, broker=broker, redis=redis_store, TRUSTED_PROXIES=trusted)
    stack.start("api")
    await asyncio.to_thread(stack.wait_until_ready)
    url = stack.client.base_url
    async with httpx.AsyncClient(base_url=url, headers=WRONG, timeout=60, trust_env=False) as client:
        yield client
    stack.close()


async def is_refused(client: httpx.AsyncClient, address: str, *, times: int) -> bool:
    """Try a wrong key that often at once; tell whether it was too often."""
    asked = [client.get("/v1/events", headers={"X-Forwarded-For": address}) for _ in range(times)]
    return HTTPStatus.TOO_MANY_REQUESTS in {answer.status_code for answer in await asyncio.gather(*asked)}


@pytest.mark.parametrize(
    ("behind", "refused"),
    [("127.0.0.0/8, ::1", False), ("192.0.2.0/24", True)],
    indirect=["behind"],
    ids=["trusted", "not trusted"],
)
async def test_one_who_tries_wrong_keys_locks_out_no_other_behind_a_trusted_proxy(
    behind: httpx.AsyncClient, *, refused: bool
) -> None:
    while not await is_refused(behind, FIRST, times=BATCH):
        pass

    _, others = await asyncio.gather(is_refused(behind, FIRST, times=BATCH), is_refused(behind, OTHER, times=20))

    assert others == refused
