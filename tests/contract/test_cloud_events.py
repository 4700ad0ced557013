"""CloudEvents 1.0: accepted in both modes and in batches, once for a source and an ID."""

import httpx
import pytest

from tests.support.accounts import Json, data, pointers, refused

PATH = "/v1/events"
EVENT: Json = {"specversion": "1.0", "id": "1", "source": "/shops", "type": "order.paid", "data": {"order": "42"}}
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
HEADERS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shops", "ce-type": "order.paid"}
JSON = {"Content-Type": "application/json"}


async def send(client: httpx.AsyncClient, **changed: object) -> httpx.Response:
    return await client.post(PATH, json={**EVENT, **changed}, headers={"Content-Type": f"{STRUCTURED}; charset=UTF-8"})


async def binary(client: httpx.AsyncClient, body: bytes = b'{"order":"42"}', **more: str) -> httpx.Response:
    sent = {**HEADERS, **JSON, **{name.replace("_", "-"): value for name, value in more.items()}}
    return await client.post(PATH, content=body, headers=sent)


async def test_a_structured_event_is_an_event(client: httpx.AsyncClient) -> None:
    answer = await send(client, time="2026-01-01T01:00:00+01:00", subject="s", tenancy="eu", n=7)

    event: Json = answer.json()
    assert answer.status_code == 202
    assert event == {
        "id": event["id"],
        "client_id": "/shops 1",
        "type": "order.paid",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "data": {"order": "42"},
        "ordering_key": None,
        "attributes": {"source": "/shops", "subject": "s", "tenancy": "eu", "n": 7},
        "deliveries": 0,
        "created_at": event["created_at"],
        "erased_at": None,
    }
    assert (await client.get(answer.headers["location"])).json() == event
    assert [one["id"] for one in data(await client.get(PATH, params={"client_id": "/shops 1"}))] == [event["id"]]


async def test_a_binary_event_keeps_the_bytes_of_its_body(client: httpx.AsyncClient) -> None:
    odd = b'{ "b":1.0, "a":1e2,\n "n":[ ] }'

    answer = await binary(client, odd, ce_subject="Zo%C3%AB", ce_tenancy="eu")

    assert answer.status_code == 202
    assert odd in answer.content
    assert answer.json()["client_id"] == "/shops 1"
    assert answer.json()["attributes"] == {"source": "/shops", "subject": "Zo\u00eb", "tenancy": "eu"}


async def test_one_source_and_id_are_one_event_in_either_mode(client: httpx.AsyncClient) -> None:
    sent = {name: value for name, value in EVENT.items() if name != "data"}
    first = await client.post(PATH, content=str_of(sent, b'{"order":"42"}'), headers={"Content-Type": STRUCTURED})

    second = await binary(client)

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content


@pytest.mark.parametrize("changed", [{"id": "2"}, {"source": "/shop"}])
async def test_another_source_or_id_is_another_event(client: httpx.AsyncClient, changed: Json) -> None:
    first, second = await send(client), await send(client, **changed)

    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("changed", [{"data": 1}, {"subject": "x"}, {"tenancy": "eu"}])
async def test_a_source_and_id_with_other_content_are_a_conflict(client: httpx.AsyncClient, changed: Json) -> None:
    await send(client)

    refused(await send(client, **changed), 409, "conflict")


async def test_a_key_stands_for_the_headers_of_a_binary_event_too(client: httpx.AsyncClient) -> None:
    first = await binary(client, idempotency_key="k")
    second = await binary(client, idempotency_key="k")

    assert (second.content, second.headers["idempotent-replayed"]) == (first.content, "true")
    refused(await binary(client, ce_subject="x", idempotency_key="k"), 422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"source": None}, "/source"),
        ({"type": "com.example/x"}, "/type"),
        ({"type": "task.failed"}, "/type"),
        ({"Upper": "x"}, "/Upper"),
        ({"nested": {}}, "/nested"),
    ],
)
async def test_a_bad_attribute_is_refused_with_its_place(
    client: httpx.AsyncClient, changed: Json, pointer: str
) -> None:
    assert pointers(await send(client, **changed)) == [pointer]


async def test_what_is_needed_is_told_together(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, content=b"1", headers={"ce-id": "1", **JSON})

    assert pointers(answer) == ["/source", "/specversion", "/type"]


async def test_a_header_that_is_not_utf_8_is_refused(client: httpx.AsyncClient) -> None:
    assert pointers(await binary(client, ce_subject="%C0%A0")) == ["/subject"]


@pytest.mark.parametrize("changed", [{"data_base64": "eA=="}, {"datacontenttype": "text/plain"}])
async def test_data_that_is_no_json_is_refused(client: httpx.AsyncClient, changed: Json) -> None:
    refused(await send(client, **changed), 415, "unsupported-media-type")


@pytest.mark.parametrize("type_", ["application/order+json", "Application/JSON; charset=UTF-8", "text/json"])
async def test_a_binary_event_may_be_of_any_kind_of_json(client: httpx.AsyncClient, type_: str) -> None:
    answer = await client.post(PATH, content=b'{"order":"42"}', headers={**HEADERS, "Content-Type": type_})

    assert (answer.status_code, answer.json()["data"]) == (202, {"order": "42"})


async def test_a_binary_event_without_data_needs_no_media_type(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, headers=HEADERS)

    assert (answer.status_code, answer.json()["data"]) == (202, None)


async def test_a_binary_event_with_data_needs_a_media_type(client: httpx.AsyncClient) -> None:
    refused(await client.post(PATH, content=b"1", headers=HEADERS), 415, "unsupported-media-type")


@pytest.mark.parametrize("type_", ["text/plain", "application/xml", "application/cloudevents+xml"])
async def test_a_body_of_another_media_type_is_refused(client: httpx.AsyncClient, type_: str) -> None:
    refused(await binary(client, b"x", **{"Content-Type": type_}), 415, "unsupported-media-type")


@pytest.mark.parametrize("body", [b"{", b"NaN", b"\xff"])
async def test_a_body_that_is_no_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    refused(await binary(client, body), 400, "invalid-json")


async def test_data_has_to_fit_the_schema_of_its_type(client: httpx.AsyncClient) -> None:
    await client.put("/v1/event-types/order.paid", json={"schema": {"required": ["total"]}})

    assert pointers(await send(client)) == ["/data"]
    assert pointers(await binary(client, b"{}")) == ["/data"]


async def test_a_batch_has_an_outcome_for_each_event(client: httpx.AsyncClient) -> None:
    lines = [EVENT, {**EVENT, "id": "2", "specversion": "2"}, {**EVENT, "id": "3", "data_base64": "eA=="}, EVENT]

    answer = await client.post("/v1/events/batch", json=lines, headers={"Content-Type": BATCHED})

    outcomes = answer.json()["data"]
    assert [one["status"] for one in outcomes] == [202, 422, 415, 202]
    assert outcomes[0] == outcomes[3]
    assert outcomes[0]["client_id"] == "/shops 1"


def str_of(event: Json, written: bytes) -> bytes:
    """Return a structured event whose data is in these bytes."""
    return b'{"data":%b,%b' % (written, httpx.Request("POST", "http://x", json=event).content[1:])
