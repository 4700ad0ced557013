"""The catalogue of event types: described, listed, and kept to by the events."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from api.paging import pack_cursor
from core.model import ids, tables
from tests.support.accounts import Account, Json, client_of, data, document, pointers, refused
from tests.support.rows import Rows

SCHEMA: Json = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
PAID: Json = {"description": "An order was paid.", "schema": SCHEMA, "example": {"order": "42"}}
PATH = "/v1/event-types/order.paid"
KEY = "Idempotency-Key"


@pytest.fixture
async def partner(client: httpx.AsyncClient) -> AsyncGenerator[httpx.AsyncClient]:
    """A key with an owner that reads events."""
    key = document(await client.post("/v1/keys", json={"name": "p", "role": "inspector", "owner": "p"}))["key"]
    async with client_of(str(client.base_url), key) as opened:
        yield opened


async def send(client: httpx.AsyncClient, value: object, **more: object) -> httpx.Response:
    return await client.post("/v1/events", json={"type": "order.paid", "data": value, **more})


async def test_a_type_is_described_and_described_anew(client: httpx.AsyncClient) -> None:
    first = await client.put(PATH, json=PAID)
    second = await client.put(PATH, json={"description": "Another."})

    made, changed = first.json(), second.json()
    assert (first.status_code, second.status_code) == (201, 200)
    assert made == {"name": "order.paid", **PAID, "created_at": made["created_at"], "updated_at": made["updated_at"]}
    assert (changed["description"], changed["schema"], changed["example"]) == ("Another.", None, None)
    assert changed["created_at"] == made["created_at"]


async def test_a_type_is_read_as_it_was_described(client: httpx.AsyncClient) -> None:
    put = await client.put(PATH, json=PAID)

    read = await client.get(PATH)

    assert read.json() == put.json()
    again = await client.get(PATH, headers={"If-None-Match": read.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_type_that_is_forgotten_is_not_there(client: httpx.AsyncClient) -> None:
    await client.put(PATH, json=PAID)

    answer = await client.delete(PATH)

    assert (answer.status_code, answer.content) == (204, b"")
    refused(await client.get(PATH), 404, "not-found")
    refused(await client.delete(PATH), 404, "not-found")
    assert (await send(client, 1)).status_code == 202


async def test_types_are_listed_by_name_and_by_page(client: httpx.AsyncClient) -> None:
    for name in ("c", "a", "b.x"):
        await client.put(f"/v1/event-types/{name}", json={})

    first = await client.get("/v1/event-types?limit=2")
    second = await client.get(first.links["next"]["url"])

    assert [one["name"] for one in data(first) + data(second)] == ["a", "b.x", "c"]
    assert first.links["next"]["url"].endswith(first.json()["next_cursor"])
    assert (second.json()["next_cursor"], second.links) == (None, {})


async def test_a_cursor_fits_the_longest_name(client: httpx.AsyncClient) -> None:
    for name in ("a" * 128, "b"):
        await client.put(f"/v1/event-types/{name}", json={})

    first = await client.get("/v1/event-types?limit=1")

    assert [one["name"] for one in data(await client.get(first.links["next"]["url"]))] == ["b"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "A" * 48, "é", "%%%"])
async def test_what_is_no_cursor_is_a_bad_request(client: httpx.AsyncClient, cursor: str) -> None:
    refused(await client.get("/v1/event-types", params={"cursor": cursor}), 400, "bad-request")


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\x00b", b"no type"])
async def test_a_cursor_that_goes_on_after_no_name_is_a_bad_request(acme: Account, name: bytes) -> None:
    cursor = pack_cursor(name, "types", acme.tenant_id)

    refused(await acme.client.get("/v1/event-types", params={"cursor": cursor}), 400, "bad-request")


async def test_a_cursor_of_another_tenant_does_not_exist(client: httpx.AsyncClient, other: Account) -> None:
    for name in ("a", "b"):
        await client.put(f"/v1/event-types/{name}", json={})
    cursor = (await client.get("/v1/event-types?limit=1")).json()["next_cursor"]

    refused(await other.client.get("/v1/event-types", params={"cursor": cursor}), 404, "not-found")


@pytest.mark.parametrize("name", ["task.failed", "endpoint.x", "delivery.x", "a..b", "a b", "a.*", "a" * 129])
async def test_a_name_that_is_no_clients_is_refused(client: httpx.AsyncClient, name: str) -> None:
    assert pointers(await client.put(f"/v1/event-types/{name}", json={})) == ["/name"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"schema": {"type": "nope"}}, "/schema/type"),
        ({"schema": {"$ref": "https://example.com/x"}}, "/schema"),
        ({"schema": {"description": "x" * 64 * 1024}}, "/schema"),
        ({"schema": []}, "/schema"),
        ({"schema": SCHEMA, "example": {"order": 1}}, "/example/order"),
        ({"example": "\0"}, "/example"),
        ({"description": 1}, "/description"),
        ({"more": 1}, "/more"),
    ],
)
async def test_a_bad_description_is_refused_with_its_place(client: httpx.AsyncClient, body: Json, pointer: str) -> None:
    assert pointers(await client.put(PATH, json=body)) == [pointer]
    refused(await client.get(PATH), 404, "not-found")


async def test_a_tenant_has_a_thousand_types(acme: Account, rows: Rows) -> None:
    await acme.client.put(PATH, json={})
    await rows.all(
        "INSERT INTO event_types (tenant_id, name) SELECT :id, 'n' || n FROM generate_series(1, 999) n RETURNING 1",
        id=acme.tenant_id,
    )

    one_more = await acme.client.put("/v1/event-types/more", json={})

    refused(one_more, 429, "limit-reached")
    assert (await acme.client.put(PATH, json=PAID)).status_code == 200


async def test_data_that_does_not_fit_is_refused_with_its_place(client: httpx.AsyncClient) -> None:
    await client.put(PATH, json=PAID)

    assert pointers(await send(client, {"order": 42})) == ["/data/order"]
    assert pointers(await send(client, {})) == ["/data"]
    assert (await send(client, {"order": "42"})).status_code == 202


async def test_a_schema_holds_from_its_answer_on(client: httpx.AsyncClient) -> None:
    before = await send(client, 1)
    await client.put(PATH, json=PAID)
    during = await send(client, 1)
    await client.put(PATH, json={"schema": {"type": "integer"}})

    after = await send(client, 1)

    assert (before.status_code, during.status_code, after.status_code) == (202, 422, 202)


async def test_a_schema_is_of_its_type_and_tenant_alone(client: httpx.AsyncClient, other: Account) -> None:
    await client.put(PATH, json=PAID)

    assert (await send(client, 1, type="order.paid.late")).status_code == 202
    assert (await send(other.client, 1)).status_code == 202


async def test_a_line_that_does_not_fit_spoils_nothing_but_itself(client: httpx.AsyncClient) -> None:
    await client.put(PATH, json=PAID)
    lines = [{"type": "order.paid", "data": value} for value in ({"order": "1"}, {"order": 2}, {"order": "3"})]

    answer = await client.post("/v1/events/batch", json=lines)

    outcomes = answer.json()["data"]
    assert [one["status"] for one in outcomes] == [202, 422, 202]
    assert [one["pointer"] for one in outcomes[1]["errors"]] == ["/data/order"]


async def test_what_was_accepted_before_its_schema_gets_its_answer_again(client: httpx.AsyncClient) -> None:
    by_id = await send(client, 1, id="mine")
    by_key = await client.post("/v1/events", json={"type": "order.paid", "data": 2}, headers={KEY: "k"})
    batch = await client.post("/v1/events/batch", json=[{"type": "order.paid", "data": 3}], headers={KEY: "b"})
    await client.put(PATH, json=PAID)

    again = [
        await send(client, 1, id="mine"),
        await client.post("/v1/events", json={"type": "order.paid", "data": 2}, headers={KEY: "k"}),
        await client.post("/v1/events/batch", json=[{"type": "order.paid", "data": 3}], headers={KEY: "b"}),
    ]

    assert [one.content for one in again] == [by_id.content, by_key.content, batch.content]
    refused(await send(client, 4, id="mine"), 409, "conflict")


@pytest.mark.parametrize(("body", "sent"), [(PAID, b'{"order":"42"}'), ({}, b"This is a test")])
async def test_a_test_sends_the_example(acme: Account, rows: Rows, body: Json, sent: bytes) -> None:
    await acme.client.put(PATH, json=body)
    endpoint = ids.encode(ids.ENDPOINT, await rows.endpoint(acme.tenant_id))

    answer = await acme.client.post(f"/v1/endpoints/{endpoint}/test", json={"event_type": "order.paid"})

    event = await rows.row(tables.events, ids.decode(ids.EVENT, document(answer)["event_id"]))
    assert sent in bytes(event["body"])  # pyright: ignore[reportArgumentType] - it is bytes


async def test_a_partner_reads_the_catalogue_and_writes_none_of_it(
    client: httpx.AsyncClient, partner: httpx.AsyncClient
) -> None:
    await client.put(PATH, json=PAID)

    read, listed = await partner.get(PATH), data(await partner.get("/v1/event-types"))

    assert (read.status_code, [one["name"] for one in listed]) == (200, ["order.paid"])
    refused(await partner.put(PATH, json={}), 403, "forbidden")
    refused(await partner.delete(PATH), 403, "forbidden")
