"""Events: accepted once, kept and shown in the bytes that were sent."""

import asyncio
import json

import httpx
import pytest

from core.model import ids, tables
from tests.support.accounts import Account, Json, data, pointers, refused
from tests.support.rows import Rows

EVENT: Json = {"type": "order.paid", "data": {"order": "42"}}
UNKNOWN = f"/v1/events/evt_{'0' * 26}"
ODD = b'{ "b":1.0, "a":1e2,\n "b": 12345678901234567890123, "\\u00e9":"\xc3\xa9\\u0000", "n":[ ] }'
KEY = "Idempotency-Key"


async def send(client: httpx.AsyncClient, **changed: object) -> httpx.Response:
    return await client.post("/v1/events", json={**EVENT, **changed})


async def sent(client: httpx.AsyncClient, **changed: object) -> Json:
    answer = await send(client, **changed)
    assert answer.status_code == 202, answer.text
    made: Json = answer.json()
    return made


async def raw(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await client.post("/v1/events", content=body, headers={"Content-Type": "application/json"})


async def test_an_event_is_answered_with_where_it_is_read(client: httpx.AsyncClient) -> None:
    answer = await send(client, id="mine", ordering_key="k", timestamp="2026-01-01T01:00:00.5+01:00")

    event: Json = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/events/{event['id']}"
    assert event == {
        "id": event["id"],
        "client_id": "mine",
        "type": "order.paid",
        "timestamp": "2026-01-01T00:00:00.500Z",
        "data": {"order": "42"},
        "ordering_key": "k",
        "attributes": {},
        "deliveries": 0,
        "created_at": event["created_at"],
        "erased_at": None,
    }


async def test_an_event_is_read_as_it_was_answered(client: httpx.AsyncClient) -> None:
    answer = await send(client)

    read = await client.get(answer.headers["location"])

    assert read.content == answer.content
    again = await client.get(answer.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_an_event_counts_the_deliveries_that_it_made(acme: Account, rows: Rows) -> None:
    await rows.endpoint(acme.tenant_id, event_types=["order.*"])
    await rows.endpoint(acme.tenant_id, event_types=["other"])
    await rows.endpoint(acme.tenant_id, filter="$.missing")

    event = await sent(acme.client)

    made = data(await acme.client.get(f"/v1/events/{event['id']}/deliveries"))
    assert event["deliveries"] == 1
    assert [(one["event_id"], one["event_type"]) for one in made] == [(event["id"], "order.paid")]


async def test_the_data_keeps_its_bytes_all_the_way(client: httpx.AsyncClient, rows: Rows) -> None:
    answer = await raw(client, b'{"data" : %b , "type":"odd"}' % ODD)

    row = await rows.row(tables.events, ids.decode(ids.EVENT, str(answer.json()["id"])))
    assert ODD in answer.content
    assert str(row["body"]).count("12345678901234567890123") == 1
    assert bytes(row["body"]).endswith(b',"data":' + ODD + b"}")  # pyright: ignore[reportArgumentType] - it is bytes
    assert ODD in (await client.get(answer.headers["location"])).content
    assert ODD in (await client.get("/v1/events")).content


@pytest.mark.parametrize("value", [b"null", b"false", b"0", b'""', b"[]", b"{}", b"-0.0", b'"\\u0000"'])
async def test_data_may_be_any_json(client: httpx.AsyncClient, value: bytes) -> None:
    answer = await raw(client, b'{"type":"any","data":%b}' % value)

    assert answer.status_code == 202
    assert b'"data":' + value + b"," in answer.content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"type":"a","data":NaN}',
        b'{"type":"a","data":1e999}',
        b'{"type":"a","data":"\\ud800"}',
        b'{"type":"a","data":"\xff"}',
        b'\xef\xbb\xbf{"type":"a","data":1}',
        '{"type":"a","data":1}'.encode("utf-16"),
        b'{"type":"a","data":' + b"[" * 64 + b"]" * 64 + b"}",
        b'{"type":"a","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
async def test_what_is_no_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    refused(await raw(client, body), 400, "invalid-json")


async def test_an_event_over_a_mebibyte_is_refused(client: httpx.AsyncClient) -> None:
    refused(await send(client, data="x" * 1024 * 1024), 413, "too-large")


async def test_another_media_type_is_refused(client: httpx.AsyncClient) -> None:
    refused(
        await client.post("/v1/events", content=b"x", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported-media-type",
    )


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"type": ""}, "/type"),
        ({"type": "a..b"}, "/type"),
        ({"type": "a.*"}, "/type"),
        ({"type": "a\n"}, "/type"),
        ({"type": "a" * 129}, "/type"),
        ({"type": "task.failed"}, "/type"),
        ({"type": "endpoint.x"}, "/type"),
        ({"type": "delivery.x"}, "/type"),
        ({"type": 1}, "/type"),
        ({"id": ""}, "/id"),
        ({"id": "x" * 256}, "/id"),
        ({"id": "a\u0000"}, "/id"),
        ({"ordering_key": ""}, "/ordering_key"),
        ({"ordering_key": 7}, "/ordering_key"),
        ({"timestamp": "yesterday"}, "/timestamp"),
        ({"timestamp": 1_700_000_000}, "/timestamp"),
        ({"timestamp": "2026-01-01"}, "/timestamp"),
        ({"timestamp": "2026-01-01T00:00:00"}, "/timestamp"),
        ({"timestamp": "2026-02-30T00:00:00Z"}, "/timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+01:00"}, "/timestamp"),
        ({"more": 1}, "/more"),
    ],
)
async def test_a_bad_value_is_refused_with_its_place(client: httpx.AsyncClient, changed: Json, pointer: str) -> None:
    assert pointers(await send(client, **changed)) == [pointer]


async def test_type_and_data_are_needed(client: httpx.AsyncClient) -> None:
    assert pointers(await client.post("/v1/events", json={})) == ["/data", "/type"]
    assert pointers(await client.post("/v1/events", json=[])) == [""]


async def test_one_id_is_one_event_however_often_it_comes(acme: Account, rows: Rows) -> None:
    await rows.endpoint(acme.tenant_id)

    answers = await asyncio.gather(*(sent(acme.client, id="one") for _ in range(50)))

    assert len({json.dumps(one) for one in answers}) == 1
    assert answers[0]["deliveries"] == 1
    assert len(data(await acme.client.get("/v1/events?client_id=one"))) == 1


@pytest.mark.parametrize(
    "changed",
    [{"data": {"order": "43"}}, {"type": "order.sent"}, {"ordering_key": "k"}, {"timestamp": "2026-01-01T00:00:00Z"}],
)
async def test_an_id_with_other_content_is_a_conflict(client: httpx.AsyncClient, changed: Json) -> None:
    await sent(client, id="one")

    refused(await send(client, id="one", **changed), 409, "conflict")


async def test_an_id_with_other_spelling_is_a_conflict(client: httpx.AsyncClient) -> None:
    await raw(client, b'{"type":"a","id":"one","data":1.0}')

    refused(await raw(client, b'{"type":"a","id":"one","data":1.00}'), 409, "conflict")


async def test_an_id_is_the_tenants_own(client: httpx.AsyncClient, other: Account) -> None:
    first, second = await sent(client, id="one"), await sent(other.client, id="one")

    assert first["id"] != second["id"]


async def test_an_id_whose_time_is_over_is_free_again(acme: Account, rows: Rows) -> None:
    first = await sent(acme.client, id="one")
    await rows.all("UPDATE dedupe SET expires_at = now() WHERE tenant_id = :id RETURNING 1", id=acme.tenant_id)

    second = await sent(acme.client, id="one", data=2)

    assert first["id"] != second["id"]


@pytest.mark.parametrize(("days", "kept"), [(7, 7), (90, 30)])
async def test_an_id_is_kept_for_thirty_days_or_the_retention(acme: Account, rows: Rows, days: int, kept: int) -> None:
    await rows.change(tables.tenants, acme.tenant_id, retention_days=days)

    await sent(acme.client, id="one")

    row = await rows.one(
        "SELECT extract(DAY FROM expires_at - created_at)::INTEGER AS days FROM dedupe WHERE tenant_id = :id",
        id=acme.tenant_id,
    )
    assert row["days"] == kept


async def test_a_request_that_comes_again_gets_the_first_answer_again(client: httpx.AsyncClient) -> None:
    first, second = [await client.post("/v1/events", json=EVENT, headers={KEY: "k"}) for _ in range(2)]

    assert (first.content, first.headers["location"]) == (second.content, second.headers["location"])
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")


async def test_a_request_with_another_body_is_refused(client: httpx.AsyncClient) -> None:
    await client.post("/v1/events", json=EVENT, headers={KEY: "k"})

    answer = await client.post("/v1/events", json={**EVENT, "data": 1}, headers={KEY: "k"})

    refused(answer, 422, "idempotency-key-reused")


async def test_both_kinds_of_key_at_once_make_one_event(client: httpx.AsyncClient) -> None:
    body = {**EVENT, "id": "one"}

    answers = await asyncio.gather(
        *(client.post("/v1/events", json=body, headers={KEY: f"k{n % 5}"}) for n in range(50))
    )

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1


async def test_a_request_whose_id_is_a_conflict_frees_its_key(client: httpx.AsyncClient) -> None:
    await sent(client, id="one")
    conflict = await client.post("/v1/events", json={**EVENT, "id": "one", "data": 1}, headers={KEY: "k"})

    answer = await client.post("/v1/events", json={**EVENT, "id": "two"}, headers={KEY: "k"})

    assert (conflict.status_code, answer.status_code) == (409, 202)


async def test_events_are_listed_newest_first_and_by_page(client: httpx.AsyncClient) -> None:
    made = [(await sent(client, data=n))["id"] for n in range(3)]

    first = await client.get("/v1/events?limit=2")
    second = await client.get(f"/v1/events?limit=2&cursor={first.json()['next_cursor']}")

    assert [one["id"] for one in data(first) + data(second)] == made[::-1]
    assert first.links["next"]["url"].endswith(first.json()["next_cursor"])
    assert second.json()["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    ["type=order.paid", "client_id=mine", "ordering_key=k", "created_after={}", "type=order.paid&client_id=mine"],
)
async def test_events_are_found_by_what_they_are(client: httpx.AsyncClient, query: str) -> None:
    first = await sent(client, type="other", id="another", ordering_key="l")
    wanted = await sent(client, id="mine", ordering_key="k")

    found = data(await client.get(f"/v1/events?{query.format(first['created_at'])}"))

    assert wanted["id"] in [one["id"] for one in found]
    assert {one["id"] for one in found} <= {wanted["id"], first["id"]} - ({first["id"]} if "{}" not in query else set())


async def test_events_are_found_by_their_time(client: httpx.AsyncClient) -> None:
    await sent(client)

    assert data(await client.get("/v1/events?created_after=2999-01-01T00:00:00Z")) == []
    assert data(await client.get("/v1/events?created_before=2000-01-01T00:00:00Z")) == []
    assert len(data(await client.get("/v1/events?created_before=2999-01-01T00:00:00Z"))) == 1


@pytest.mark.parametrize("path", [UNKNOWN, "/v1/events/nonsense", f"{UNKNOWN}/deliveries"])
async def test_an_unknown_event_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    refused(await client.get(path), 404, "not-found")


async def test_an_event_of_another_tenant_is_not_found(client: httpx.AsyncClient, other: Account) -> None:
    event = await sent(client)

    refused(await other.client.get(f"/v1/events/{event['id']}"), 404, "not-found")
    refused(await other.client.get(f"/v1/events/{event['id']}/deliveries"), 404, "not-found")
    assert data(await other.client.get("/v1/events")) == []
