"""A client that hangs up before its request is whole is logged as that, and as nothing worse."""

import asyncio

import httpx
import msgspec
import pytest

from tests.support.raw_http import key_of, post, say_and_leave
from tests.support.stack import Stack, eventually

HALF = b'{"type":"order.paid",'
FOLLOW = "GET {} HTTP/1.1\r\nHost: ringback\r\nAuthorization: Bearer {}\r\n\r\n"
LONG_WAY = {"Content_Type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/v1/events", {}),
        ("/v1/events", LONG_WAY),
        ("/v1/events/batch", {}),
        ("/v1/tasks", {}),
        ("/v1/endpoints", {}),
    ],
)
async def test_a_client_that_leaves_inside_a_body_is_no_error_of_ours(
    client: httpx.AsyncClient, api: Stack, path: str, way: dict[str, str]
) -> None:
    await client.get("/v1/events")
    before = len(api.log("api"))

    await say_and_leave(client, post(path, key_of(client), HALF, Content_Length="1000", **way))

    def look() -> list[dict[str, object]]:
        written = [msgspec.json.decode(line) for line in api.log("api")[before:].splitlines()]
        told = [line for line in written if line.get("method") != "GET"]
        assert any(line.get("route") == path for line in told)
        return told

    (line,) = await asyncio.to_thread(eventually, look)
    assert (line["event"], line["level"], line["method"], line["status"]) == ("request", "info", "POST", 499)


async def test_a_stream_ends_with_its_connection_though_another_request_waits_behind_it(
    client: httpx.AsyncClient, api: Stack
) -> None:
    assert client.base_url.port is not None
    before = len(api.log("api"))
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write("".join(FOLLOW.format(path, key_of(client)) for path in ("/v1/stream", "/v1/tasks")).encode())
    await reader.readuntil(b"200 OK")

    writer.close()

    def look() -> None:
        assert '"route":"/v1/stream"' in api.log("api")[before:]

    await asyncio.to_thread(eventually, look, within=10)  # before the next sign of life, which would fail
