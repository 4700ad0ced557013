"""The `traceparent` of a request: kept with what it made, and handed on to who asks."""

import json

import httpx
import pytest
from sqlalchemy import func

from core.model import ids, tables
from tests.contract.test_cloud_events import BATCHED, EVENT, HEADERS, JSON, STRUCTURED
from tests.support.accounts import Account, Json, pointers
from tests.support.partners import changed, register, registered, seen
from tests.support.raw_http import converse, key_of, post
from tests.support.rows import Rows

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACED = {"traceparent": TRACE}
PLAIN: Json = {"type": "order.paid", "data": {"total": 1}}
NDJSON = "application/x-ndjson"


async def kept(rows: Rows, event_id: str) -> object:
    """Return the trace that an event belongs to."""
    row = await rows.row(tables.events, ids.decode(ids.EVENT, event_id))
    return row["traceparent"]


@pytest.mark.parametrize(
    ("sent", "header", "trace"),
    [
        ({"json": PLAIN}, TRACED, TRACE),
        ({"json": PLAIN}, {}, None),
        ({"json": PLAIN}, {"traceparent": TRACE.upper()}, None),
        ({"json": {**PLAIN, "timestamp": "2026-01-01T00:00:00Z"}}, TRACED, TRACE),
        ({"content": json.dumps(EVENT)}, {**TRACED, "Content-Type": STRUCTURED}, TRACE),
        ({"content": b'{"order":"42"}'}, {**HEADERS, **JSON, **TRACED}, TRACE),
    ],
    ids=["plain", "none", "malformed", "with a time", "structured", "binary"],
)
async def test_an_event_belongs_to_the_trace_of_its_request(
    client: httpx.AsyncClient, rows: Rows, sent: dict[str, object], header: dict[str, str], trace: str | None
) -> None:
    answer = await client.post("/v1/events", headers=header, **sent)  # pyright: ignore[reportArgumentType] - as named

    assert answer.status_code == 202
    assert await kept(rows, answer.json()["id"]) == trace


async def test_an_event_that_goes_straight_from_the_parser_belongs_to_it_too(
    client: httpx.AsyncClient, rows: Rows
) -> None:
    await client.get("/v1/events")
    request = post("/v1/events", key_of(client), json.dumps(PLAIN).encode(), Traceparent=TRACE)

    (answer,), _ = await converse(client, [request])

    assert await kept(rows, json.loads(answer.body)["id"]) == TRACE


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps([PLAIN, {"type": "no type"}, PLAIN]), "application/json"),
        (json.dumps([PLAIN, {}, PLAIN]), "application/json; charset=utf-8"),
        (f"{json.dumps(PLAIN)}\nno json\n{json.dumps(PLAIN)}\n", NDJSON),
        (json.dumps([EVENT, {}, {**EVENT, "id": "2"}]), BATCHED),
    ],
    ids=["array", "the long way", "lines", "CloudEvents"],
)
async def test_all_of_a_batch_belong_to_it(client: httpx.AsyncClient, rows: Rows, body: str, kind: str) -> None:
    answer = await client.post("/v1/events/batch", content=body, headers={**TRACED, "Content-Type": kind})

    assert answer.status_code == 202, answer.text
    first, bad, last = answer.json()["data"]
    assert (first["status"], bad["status"], last["status"]) == (202, 422 if kind != NDJSON else 400, 202)
    assert {await kept(rows, first["id"]), await kept(rows, last["id"])} == {TRACE}


async def test_what_belongs_to_another_trace_is_the_same_event(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/events", json={**PLAIN, "id": "mine"}, headers=TRACED)
    again = await client.post("/v1/events", json={**PLAIN, "id": "mine"}, headers={"traceparent": f"{TRACE[:-2]}00"})

    assert (first.status_code, again.status_code, again.json()["id"]) == (202, 202, first.json()["id"])


@pytest.mark.parametrize(("header", "trace"), [(TRACE, TRACE), (f"{TRACE}-more", None), ("x" * 5000, None)])
async def test_a_task_belongs_to_the_trace_of_its_request(
    client: httpx.AsyncClient, rows: Rows, header: str, trace: str | None
) -> None:
    wish = {"type": "math.divide", "input": {"x": 1, "y": 4}}

    answer = await client.post("/v1/tasks", json=wish, headers={"traceparent": header, "Prefer": "respond-async"})

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, answer.json()["task_id"]))
    assert (answer.status_code, row["traceparent"]) == (202, trace)


OTHER = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@pytest.mark.parametrize(("header", "trace"), [({}, TRACE), ({"traceparent": OTHER}, OTHER)])
async def test_a_task_that_runs_again_stays_in_its_trace_unless_there_is_another(
    acme: Account, rows: Rows, header: dict[str, str], trace: str
) -> None:
    task = await rows.task(
        acme.tenant_id, status="REVOKED", due_at=None, finished_at=func.now(), traceparent=TRACE, input=b'{"x":1,"y":4}'
    )

    answer = await acme.client.post(f"/v1/tasks/{ids.encode(ids.TASK, task)}/retry", headers=header)

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, answer.json()["task_id"]))
    assert (answer.status_code, row["traceparent"]) == (303, trace)


@pytest.mark.parametrize(("act", "body"), [("recover", {"since": "2026-01-01T00:00:00Z"}), ("check", None)])
async def test_what_is_started_for_an_endpoint_belongs_to_the_trace_of_its_request(
    client: httpx.AsyncClient, rows: Rows, act: str, body: Json | None
) -> None:
    endpoint = await registered(client)

    answer = await client.post(f"/v1/endpoints/{endpoint['id']}/{act}", json=body, headers=TRACED)

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, answer.json()["task_id"]))
    assert (answer.status_code, row["traceparent"]) == (303, TRACE)


async def test_an_endpoint_is_told_of_traces_if_it_asks(client: httpx.AsyncClient) -> None:
    silent = await registered(client)
    asking = await registered(client, send_traceparent=True)
    asks_later = await changed(client, silent, send_traceparent=True)
    asks_no_more = await changed(client, asking, send_traceparent=None)

    assert (silent["send_traceparent"], asking["send_traceparent"]) == (False, True)
    assert (asks_later["send_traceparent"], asks_no_more["send_traceparent"]) == (True, False)
    assert (await seen(client, silent))["send_traceparent"] is True


@pytest.mark.parametrize("value", ["true", 1, []])
async def test_it_asks_by_yes_or_no(client: httpx.AsyncClient, value: object) -> None:
    assert pointers(await register(client, send_traceparent=value)) == ["/send_traceparent"]
