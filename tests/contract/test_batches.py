"""Batches: one outcome for each line, in their order, whatever the others are."""

import json

import httpx
import pytest

from core.model import ids
from tests.support.accounts import Account, Json, data, pointers, refused
from tests.support.rows import Rows

PATH = "/v1/events/batch"
KEY = {"Idempotency-Key": "k"}
GOOD: Json = {"type": "order.paid", "data": 1}


async def send(client: httpx.AsyncClient, lines: list[object], **headers: str) -> list[Json]:
    answer = await client.post(PATH, json=lines, headers=headers)
    assert answer.status_code == 202, answer.text
    found: list[Json] = answer.json()["data"]
    return found


async def stream(client: httpx.AsyncClient, body: bytes) -> list[Json]:
    answer = await client.post(PATH, content=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 202, answer.text
    found: list[Json] = answer.json()["data"]
    return found


async def test_a_bad_line_does_not_spoil_the_others(client: httpx.AsyncClient) -> None:
    lines = await send(client, [GOOD, {"type": "task.x", "data": 1}, 7, {"type": "a"}, {**GOOD, "id": "x"}])

    assert [line["status"] for line in lines] == [202, 422, 422, 422, 202]
    assert lines[1] | {"detail": ""} == {
        "status": 422,
        "type": "/problems/invalid-input",
        "title": "Some values are not allowed",
        "detail": "",
        "errors": [
            {"pointer": "/type", "detail": "Types that start with task., endpoint., delivery. are the platform's own."}
        ],
    }
    assert lines[4]["client_id"] == "x"


async def test_a_line_whose_event_is_no_more_does_not_spoil_the_others(acme: Account, rows: Rows) -> None:
    (first,) = await send(acme.client, [{**GOOD, "id": "gone"}])
    event = ids.decode(ids.EVENT, str(first["id"]))
    await rows.all("DELETE FROM events WHERE id = :id RETURNING id", id=event)

    lines = await send(acme.client, [{**GOOD, "id": "gone"}, GOOD])

    assert [line["status"] for line in lines] == [410, 202]


@pytest.mark.parametrize("data", ["[" * 70 + "]" * 70, "1e400", "1" * 5000], ids=["deep", "large", "long"])
async def test_a_line_beyond_a_limit_of_json_does_not_spoil_the_others(client: httpx.AsyncClient, data: str) -> None:
    body = f'[{{"type":"a.b","data":1}},{{"type":"a.b","data":{data}}}]'

    answer = await client.post("/v1/events/batch", content=body, headers={"Content-Type": "application/json"})

    assert [one["status"] for one in answer.json()["data"]] == [202, 400]


async def test_the_lines_are_delivered_in_their_order(acme: Account, rows: Rows) -> None:
    await rows.endpoint(acme.tenant_id, ordering="fifo")
    await rows.endpoint(acme.tenant_id, filter="$[?@ == 'never']")

    lines = await send(acme.client, [{"type": f"t.{n}", "data": n} for n in range(50)])

    told = await rows.all("SELECT event_id FROM deliveries WHERE tenant_id = :id ORDER BY sequence", id=acme.tenant_id)
    assert [row["event_id"] for row in told] == [ids.decode(ids.EVENT, str(line["id"])) for line in lines]


async def test_lines_with_one_id_are_one_event_and_other_content_is_a_conflict(client: httpx.AsyncClient) -> None:
    lines = await send(client, [{**GOOD, "id": "x"}, {**GOOD, "id": "x"}, {**GOOD, "id": "x", "data": 2}])

    assert [line["status"] for line in lines] == [202, 202, 409]
    assert lines[0] == lines[1]
    assert lines[2]["type"] == "/problems/conflict"


async def test_ndjson_is_read_line_by_line(client: httpx.AsyncClient) -> None:
    bad = [b'{"type":"a","data":', b'{"type":"b","data":"\xff"}', b'{"type":"c","data":NaN}']
    body = b"\n".join([b'{"type":"a","data": 1.0 }\r\n', *bad, b'{"type":"d","data":2}'])

    lines = await stream(client, body)

    assert [line["status"] for line in lines] == [202, 400, 400, 400, 202]
    assert lines[1]["type"] == "/problems/invalid-json"
    assert b'"data":1.0,' in (await client.get(f"/v1/events/{lines[0]['id']}")).content


async def test_a_line_over_a_mebibyte_is_refused_alone(client: httpx.AsyncClient) -> None:
    lines = await send(client, [GOOD, {**GOOD, "data": "x" * 1024 * 1024}])

    assert [line["status"] for line in lines] == [202, 413]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[", b'[{"type":"a","data":NaN}]', b'[{"type":"a","data":"\\ud800"}]'),
        *(b"{bad", b"123x", b'{"a":1} x', b'"\xff"'),
    ],
)
async def test_an_array_that_is_no_json_is_refused_as_a_whole(client: httpx.AsyncClient, body: bytes) -> None:
    refused(await client.post(PATH, content=body, headers={"Content-Type": "application/json"}), 400, "invalid-json")


@pytest.mark.parametrize("body", [{}, "x", [GOOD] * 1001])
async def test_what_is_no_batch_is_refused(client: httpx.AsyncClient, body: object) -> None:
    assert pointers(await client.post(PATH, json=body)) == [""]


async def test_a_batch_of_sixteen_mebibytes_is_taken_and_one_over_is_not(client: httpx.AsyncClient) -> None:
    line = json.dumps({**GOOD, "data": "x" * 1_000_000})

    most = await client.post(PATH, content=f"[{','.join([line] * 16)}]", headers={"Content-Type": "application/json"})
    more = await client.post(PATH, content=f"[{','.join([line] * 17)}]", headers={"Content-Type": "application/json"})

    assert most.status_code == 202
    refused(more, 413, "too-large")


async def test_a_thousand_lines_are_taken_and_none_too(client: httpx.AsyncClient) -> None:
    assert {line["status"] for line in await send(client, [GOOD] * 1000)} == {202}
    assert await send(client, []) == []


async def test_a_batch_that_comes_again_gets_the_first_answer_again(client: httpx.AsyncClient) -> None:
    lines: list[object] = [GOOD, {"type": "a"}, {**GOOD, "id": "x"}, {**GOOD, "id": "x", "data": 2}]

    first, second = [await client.post(PATH, json=lines, headers=KEY) for _ in range(2)]

    kept = [{name: value for name, value in line.items() if name != "errors"} for line in first.json()["data"]]
    assert second.json()["data"] == kept
    assert second.headers["idempotent-replayed"] == "true"
    assert len(data(await client.get("/v1/events"))) == 2


async def test_a_key_with_another_batch_is_refused(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json=[GOOD], headers=KEY)

    refused(await client.post(PATH, json=[GOOD, GOOD], headers=KEY), 422, "idempotency-key-reused")
