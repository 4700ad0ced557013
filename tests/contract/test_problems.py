"""Every error is a problem document (RFC 9457) that shows nothing of the inside."""

import json
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from core.settings import Settings
from tests.support.accounts import pointers, refused
from tests.support.stack import SECRET_KEYS

JSON = {"Content-Type": "application/json"}
LIMIT = 1024 * 1024


def task(**more: object) -> dict[str, object]:
    return {"type": "math.divide", "input": {"x": 1, "y": 4}, **more}


async def post(client: httpx.AsyncClient, body: bytes, path: str = "/v1/tasks", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(path, content=body, headers={**JSON, **named})


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v2/tasks", "/v1/tasks/a/b/c", "/%00", "/v1/tasks/../x"])
async def test_a_route_that_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    refused(await client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/tasks", "GET, POST"),
        ("PUT", "/v1/endpoints/ep_x", "DELETE, GET, PATCH"),
        ("PATCH", "/healthz", "GET"),
        ("POST", "/v1/deliveries", "GET"),
        ("POST", "/v1/keys/key_x", "DELETE"),
        ("PUT", "/v1/events/batch", "POST"),
    ],
)
async def test_a_method_that_is_not_there_is_told_which_ones_are(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)

    refused(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b'{"type": NaN}',
        b"\xef\xbb\xbf{}",
        b'{"type": "\xff"}',
        b'{"type": "\\ud800"}',
        b'{"input": {"x": 1e999}}',
        b'{"a":' * 65 + b"0" + b"}" * 65,
        b"[" * 65 + b"]" * 65,
        json.dumps(task()).encode("utf-16"),
    ],
    ids=["empty", "cut", "NaN", "BOM", "UTF-8", "surrogate", "infinite", "65 objects", "65 arrays", "UTF-16"],
)
async def test_a_body_that_is_no_strict_json_is_a_bad_request(client: httpx.AsyncClient, body: bytes) -> None:
    refused(await post(client, body), 400, "invalid-json")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
    ids=lambda headers: "+".join(headers.values()),
)
async def test_another_media_type_is_unsupported(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/v1/tasks", content=json.dumps(task()), headers=headers)

    refused(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", "application/json ;a=b"])
async def test_json_may_be_named_in_any_way(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post("/v1/tasks", content=json.dumps(task()), headers={"Content-Type": media_type})

    assert answer.status_code == 303


async def test_a_body_over_the_limit_is_too_large(client: httpx.AsyncClient) -> None:
    refused(await post(client, b" " * (LIMIT + 1)), 413, "too-large")


async def test_a_body_without_a_length_is_too_large_all_the_same(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(LIMIT // 65_536 + 1):
            yield b" " * 65_536

    answer = await client.post("/v1/tasks", content=endless(), headers=JSON)

    refused(answer, 413, "too-large")


async def test_a_body_at_the_limit_is_taken(client: httpx.AsyncClient) -> None:
    body = json.dumps(task()).encode()

    answer = await post(client, body + b" " * (LIMIT - len(body)))

    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["/input", "/type"]),
        ([], [""]),
        ("text", [""]),
        (None, [""]),
        (task(type=7), ["/type"]),
        (task(type="no spaces"), ["/type"]),
        (task(input=[]), ["/input"]),
        (task(webhook_url=""), ["/webhook_url"]),
        (task(webhook_url="http://127.0.0.1:9999/" + "x" * 2048), ["/webhook_url"]),
        (task(metadata={"a": 1}), ["/metadata/a"]),
        (task(metadata={"a": "b\x00"}), ["/metadata/a"]),
        (task(metadata={str(n): "" for n in range(51)}), ["/metadata"]),
        (task(metadata="x"), ["/metadata"]),
        (task(surprise=1), ["/surprise"]),
        (task(**{"a/b~c": 1}), ["/a~1b~0c"]),
    ],
    ids=repr,
)
async def test_bad_values_are_told_with_their_place(client: httpx.AsyncClient, body: object, where: list[str]) -> None:
    answer = await post(client, json.dumps(body).encode())

    assert pointers(answer) == where


async def test_no_body_at_all_is_not_json(client: httpx.AsyncClient) -> None:
    refused(await post(client, b""), 400, "invalid-json")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=1.5", "status=LOST"])
async def test_bad_query_parameters_are_told_by_their_name(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/tasks?{query}")

    assert pointers(answer) == [f"/{query.partition('=')[0]}"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tasks?type=%00",
        "/v1/task-types/a%00b",
        "/v1/deliveries?event_type=%00",
        "/v1/deliveries?event_id=evt_%00",
        "/v1/tasks/task_%00",
        "/v1/tasks?cursor=%00",
        "/v1/tasks?type=%ff%fe",
    ],
)
async def test_no_character_of_a_url_is_an_internal_error(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert answer.status_code in {200, 400, 404, 422}


async def test_a_tenants_name_may_hold_any_character_of_a_url(operator: httpx.AsyncClient) -> None:
    assert (await operator.get("/v1/tenants/%00")).status_code in {404, 422}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/healthz"), ("GET", "/v1/tasks"), ("POST", "/v1/tasks"), ("GET", "/nothing"), ("DELETE", "/v1/tasks")],
)
async def test_every_answer_carries_an_id_of_its_own(client: httpx.AsyncClient, method: str, path: str) -> None:
    first, second = await client.request(method, path), await client.request(method, path)

    assert len(first.headers["x-request-id"]) == 36
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_an_id_of_the_client_is_not_taken_for_ours(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"X-Request-ID": "mine"})

    assert answer.headers["x-request-id"] != "mine"


@pytest.fixture
def broken() -> FastAPI:
    """An app with a route that breaks."""
    app = create_app(Settings(secret_keys=SECRET_KEYS))  # pyright: ignore[reportArgumentType] - pydantic makes it secret

    @app.get("/broken")
    async def break_() -> None:
        raise RuntimeError("password=hunter2")

    return app


async def test_what_nobody_foresaw_is_an_internal_error_that_shows_nothing(
    broken: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    transport = httpx.ASGITransport(broken)
    async with httpx.AsyncClient(transport=transport, base_url="http://ringback") as client:
        answer = await client.get("/broken")

    assert capsys.readouterr()
    refused(answer, 500, "internal")
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text


@pytest.mark.parametrize(("written", "status"), [("0", 303), ("0.0", 303), ('"0"', 422), ("true", 422), ("0.5", 422)])
async def test_an_integer_is_one_however_it_is_written(client: httpx.AsyncClient, written: str, status: int) -> None:
    body = b'{"type": "math.divide", "input": {"x": 1, "y": 4}, "delay": %b}' % written.encode()

    assert (await post(client, body)).status_code == status


@pytest.mark.parametrize("path", ["/v1/tasks?status=%00", "/v1/deliveries?endpoint_id=%00", "/v1/keys?unknown=a%00"])
async def test_a_nul_in_a_query_is_told_by_its_name(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert pointers(answer) == [f"/{path.partition('?')[2].partition('=')[0]}"]


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/events", "/v1/events/batch"])
async def test_a_nul_in_the_query_of_what_is_sent_is_told_by_its_name(client: httpx.AsyncClient, path: str) -> None:
    answer = await post(client, b"[]", f"{path}?unknown=%00")

    assert pointers(answer) == ["/unknown"]
