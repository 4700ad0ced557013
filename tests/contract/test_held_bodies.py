"""Long bodies: a process holds so many bytes of them, from their first one until they are answered."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from api.holdings import SHORT, Holdings
from api.hot_protocol import HotProtocol
from tests.support.accounts import data, refused
from tests.support.apps import settings_of
from tests.support.listening import listening
from tests.support.raw_http import key_of, post

MIB = 1024 * 1024
ROOM = 4 * MIB - SHORT
LONG = b'{"type":"order.paid","data":"%b"}' % (b"x" * (MIB - 100))
NDJSON = "application/x-ndjson"
JSON = "application/json"
LONG_WAY = "application/json; charset=utf-8"
WAYS = [("/v1/events", JSON), ("/v1/events", LONG_WAY), ("/v1/events/batch", JSON), ("/v1/tasks", JSON)]


@pytest.fixture
async def client(api_database: str, redis_store: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an API with little room: two bodies of a tenant, as long as one that may be sent, and no third."""
    settings = settings_of(database=api_database, redis=redis_store)
    async with listening(settings, holdings=Holdings(bodies=ROOM)) as client:
        yield client


async def begun(client: httpx.AsyncClient, path: str, **headers: str) -> asyncio.StreamWriter:
    """Announce a body of a mebibyte, and return once the server waits for it."""
    assert client.base_url.port is not None
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(post(path, key_of(client), b"", Content_Length=str(MIB), Expect="100-continue", **headers))
    assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
    return writer


async def submit(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    """Submit a task with a file of a mebibyte."""
    form = {"type": "words.count"}
    return await client.post("/v1/tasks", data=form, files={"file": b"a " * (MIB // 2)}, headers=headers)


def end(writers: list[asyncio.StreamWriter]) -> None:
    """Hang up."""
    for writer in writers:
        writer.close()


async def listed(client: httpx.AsyncClient, count: int) -> None:
    """Return once there are so many tasks."""

    async def look() -> int:
        return len(data(await client.get("/v1/tasks")))

    too_few = retry_if_result(lambda found: found != count)
    await AsyncRetrying(stop=stop_after_delay(10), wait=wait_fixed(0.02), retry=too_few)(look)


@pytest.mark.parametrize(("path", "media_type"), WAYS)
async def test_a_body_for_which_there_is_no_room_is_refused_before_it_comes(
    client: httpx.AsyncClient, path: str, media_type: str
) -> None:
    writers = [await begun(client, path, Content_Type=media_type) for _ in range(2)]

    answer = await client.post("/v1/events", content=LONG, headers={"Content-Type": JSON})
    short = await client.post("/v1/events", json={"type": "order.paid", "data": "x" * (SHORT - 100)})

    refused(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert short.status_code == 202
    end(writers)


async def test_what_was_held_is_free_again_once_it_is_answered_or_its_client_has_gone(
    client: httpx.AsyncClient,
) -> None:
    writers = [await begun(client, "/v1/events/batch") for _ in range(2)]
    end(writers)
    await client.get("/v1/events")
    lines = LONG + b"\n"

    answers = [
        (await client.post("/v1/events/batch", content=lines, headers={"Content-Type": NDJSON})).status_code
        for _ in range(4)
    ]

    assert answers == [202] * 4


async def test_a_body_whose_length_is_not_told_takes_room_as_it_comes(client: httpx.AsyncClient) -> None:
    async def lines() -> AsyncGenerator[bytes]:
        for _ in range(3):
            yield LONG + b"\n"

    found = await client.post("/v1/events/batch", content=lines(), headers={"Content-Type": NDJSON})

    refused(found, 503, "unavailable")


async def test_a_task_that_is_waited_for_holds_nothing_of_what_was_sent(client: httpx.AsyncClient) -> None:
    waits = [asyncio.create_task(submit(client, Prefer="wait=2")) for _ in range(2)]
    await listed(client, 2)

    answer = await submit(client)

    assert answer.status_code == 303
    assert [(await one).status_code for one in waits] == [303, 303]


def test_the_protocol_that_is_served_is_the_patient_one() -> None:
    assert (HotProtocol.comes_within, HotProtocol.unread_for) == (30.0, 30.0)
