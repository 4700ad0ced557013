"""What is not HTTP is answered by a problem, unless that would pass for the answer to another request."""

import asyncio

import httpx
import msgspec
import pytest

from tests.support.accounts import data
from tests.support.raw_http import converse, heard, key_of, post
from tests.support.stack import Stack, eventually

BODY = b'{"type":"order.paid","data":1}'
GARBAGE = b"\x00 this is not HTTP\r\n\r\n"
ASKED = b"GET /healthz HTTP/1.1\r\nHost: ringback\r\n\r\n"
BROKEN_CHUNK = b"POST /v1/tasks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
LONG_WAY = {"Content_Type": "application/json; charset=utf-8"}


@pytest.fixture
async def known(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client that has sent an event, for whose tenant nothing has to be asked any more."""
    await client.post("/v1/events", json={"type": "warm", "data": 1})
    return client


@pytest.mark.parametrize(
    "sent",
    [
        GARBAGE,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET /healthz HTTP/1.1\r\nno header\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: one\r\n\r\n",
        BROKEN_CHUNK,
    ],
)
async def test_what_is_not_http_is_answered_by_a_problem(client: httpx.AsyncClient, sent: bytes) -> None:
    (answer,), closed = await converse(client, [sent])

    told: dict[str, object] = msgspec.json.decode(answer.body)
    assert (answer.status, closed, answer.headers["content-type"]) == (400, True, "application/problem+json")
    assert (told["type"], told["status"]) == ("/problems/bad-request", 400)
    assert told["request_id"] == answer.headers["x-request-id"]


async def test_it_is_logged_as_any_request(client: httpx.AsyncClient, api: Stack) -> None:
    (answer,), _ = await converse(client, [GARBAGE])

    def look() -> str:
        lines = [line for line in api.log("api").splitlines() if answer.headers["x-request-id"] in line]
        assert lines
        return lines[0]

    line: dict[str, object] = msgspec.json.decode(await asyncio.to_thread(eventually, look))
    told = ("event", "level", "logger", "method", "route", "status", "tenant_id")
    assert [line[name] for name in told] == ["request", "info", "api.middleware", None, None, 400, None]


async def test_after_an_answer_it_is_answered(known: httpx.AsyncClient) -> None:
    assert known.base_url.port is not None
    reader, writer = await asyncio.open_connection(known.base_url.host, known.base_url.port)
    writer.write(post("/v1/events", key_of(known), BODY))
    await reader.readuntil(b"202 Accepted")

    writer.write(GARBAGE)

    assert b"HTTP/1.1 400 Bad Request\r\n" in await reader.read()
    writer.close()


@pytest.mark.parametrize("way", [{}, LONG_WAY])
@pytest.mark.parametrize("between", [b"", ASKED, ASKED + ASKED])
async def test_it_is_not_answered_in_the_place_of_an_earlier_request(
    known: httpx.AsyncClient, way: dict[str, str], between: bytes
) -> None:
    answer = await heard(known, post("/v1/events", key_of(known), BODY, **way) + between + GARBAGE)

    assert answer == b""


async def test_an_event_whose_connection_is_lost_hurts_nobody(known: httpx.AsyncClient, api: Stack) -> None:
    request = post("/v1/events", key_of(known), BODY)
    before = len(api.log("api"))

    await heard(known, request + ASKED + GARBAGE)

    (answer,), _ = await converse(known, [request])
    assert answer.status == 202
    assert [event["type"] for event in data(await known.get("/v1/events"))] == ["order.paid", "order.paid", "warm"]
    assert "Traceback" not in api.log("api")[before:]
