"""Tasks that come with a file: `multipart/form-data` on the same route."""

import json
import tracemalloc
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func

from api import looking
from api.listening import Listener
from api.routes import tasks
from api.state import State
from api.watch import Watcher
from core.journal.tasks import TaskRecord
from core.model import ids, tables
from core.model.ids import TaskId, TenantId
from core.model.json_value import JsonValue
from tests.support.accounts import Account, pointers, refused
from tests.support.apps import serving, settings_of
from tests.support.rows import Rows

COUNT = {"type": "words.count"}
TEXT = ("a.txt", b"one two", "text/plain")
MIB = 1024 * 1024


async def send(client: httpx.AsyncClient, file: object = TEXT, key: str | None = None, **fields: str) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post("/v1/tasks", data=COUNT | fields, files={"file": file}, headers=headers)  # pyright: ignore[reportArgumentType] - a test sends what it likes


async def test_a_file_is_described_in_the_input_and_kept_beside_it(client: httpx.AsyncClient, rows: Rows) -> None:
    answer = await send(client, metadata='{"order": "42"}')

    assert answer.status_code == 303, answer.text
    row = await rows.row(tables.tasks, ids.decode(ids.TASK, answer.json()["task_id"]))
    assert answer.json()["input"] == {"file": {"name": "a.txt", "size": 7, "media_type": "text/plain"}}
    assert (answer.json()["metadata"], row["content"]) == ({"order": "42"}, b"one two")


async def test_who_waits_keeps_nothing_of_what_was_sent(
    acme: Account, api_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    async def look(
        state: State, _: Watcher, tenant_id: TenantId, task_id: TaskId, *, seconds: float, listener: Listener
    ) -> TaskRecord:
        assert (seconds, type(listener)) == (60, Listener)
        held.append(tracemalloc.get_traced_memory()[0])
        return await looking.look(state, tenant_id, task_id)

    monkeypatch.setattr(tasks, "look_until_ended", look)
    async with serving(settings_of(database=api_database)) as api:
        headers = {"Ringback-Tenant": acme.slug, "Prefer": "wait=60", "Idempotency-Key": uuid4().hex}
        file = ("a.txt", b"x" * (8 * MIB), "text/plain")
        tracemalloc.start()
        answer = await api.post("/v1/tasks", data=COUNT, files={"file": file}, headers=headers)
        tracemalloc.stop()

    assert answer.status_code == 303, answer.text
    assert held[0] < 2 * MIB


async def test_a_form_may_carry_no_file(client: httpx.AsyncClient) -> None:
    fields = {"type": (None, "math.divide"), "input": (None, '{"x": 1, "y": 4}')}

    answer = await client.post("/v1/tasks", files=fields)

    assert (answer.status_code, answer.json()["input"]) == (303, {"x": 1, "y": 4})


async def test_a_file_of_ten_mebibytes_is_taken(client: httpx.AsyncClient) -> None:
    assert (await send(client, b"x" * 10 * MIB)).status_code == 303


@pytest.mark.parametrize("size", [10 * MIB + 1, 12 * MIB])
async def test_a_larger_file_is_refused(client: httpx.AsyncClient, size: int) -> None:
    refused(await send(client, b"x" * size), 413, "too-large")


async def test_the_other_fields_may_not_be_larger_than_a_body(client: httpx.AsyncClient) -> None:
    refused(await send(client, input=json.dumps({"text": "x" * MIB})), 413, "too-large")


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"priority": "1", "a/b": "1"}, ["/a~1b", "/priority"]),
        ({"input": "{", "metadata": "nothing"}, ["/input", "/metadata"]),
        ({"input": "[]"}, ["/input"]),
        ({"delay": '"soon"'}, ["/delay"]),
        ({"webhook_url": "https://example.com/"}, ["/webhook_url"]),
        ({"type": "math.divide"}, ["/file"]),
        ({"type": "a b"}, ["/type"]),
        ({"input": '{"file": {"name": "a", "size": 1, "media_type": "b"}}'}, ["/input/file"]),
        ({"input": '{"text": "a"}'}, ["/input"]),
    ],
)
async def test_bad_fields_are_told_with_their_place(
    client: httpx.AsyncClient, fields: dict[str, str], places: list[str]
) -> None:
    assert pointers(await send(client, **fields)) == places


async def test_a_field_is_there_once(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/tasks", files=[("type", (None, "words.count")), ("file", TEXT), ("file", TEXT)])

    assert pointers(answer) == ["/file"]


async def test_json_cannot_say_that_there_was_a_file(client: httpx.AsyncClient) -> None:
    forged = {"file": {"name": "a.txt", "size": 7, "media_type": "text/plain"}}

    assert pointers(await client.post("/v1/tasks", json=COUNT | {"input": forged})) == ["/input/file"]


async def test_what_is_no_form_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    refused(await client.post("/v1/tasks", content=b"x", headers=headers), 400, "invalid-form")


async def test_a_key_stands_for_the_parts_and_not_for_their_boundary(client: httpx.AsyncClient) -> None:
    key = uuid4().hex
    first = await send(client, key=key)

    second = await send(client, key=key)

    assert first.request.headers["content-type"] != second.request.headers["content-type"]
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json()["task_id"] == first.json()["task_id"]


async def test_a_key_cannot_be_used_for_another_file(client: httpx.AsyncClient) -> None:
    key = uuid4().hex
    await send(client, key=key)

    answer = await send(client, ("a.txt", b"one two three", "text/plain"), key=key)

    refused(answer, 422, "idempotency-key-reused")


async def test_erasing_a_task_erases_its_file(client: httpx.AsyncClient, rows: Rows) -> None:
    task = (await send(client)).json()["task_id"]

    await client.delete(f"/v1/tasks/{task}")

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, task))
    assert (row["content"], row["input"]) == (None, None)


async def test_running_a_task_again_takes_its_file_along(client: httpx.AsyncClient, rows: Rows) -> None:
    first = (await send(client)).json()["task_id"]
    await client.post(f"/v1/tasks/{first}/cancel")

    again = await client.post(f"/v1/tasks/{first}/retry")

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, again.json()["task_id"]))
    assert (again.json()["retry_of"], again.json()["input"]["file"]["name"]) == (first, "a.txt")
    assert row["content"] == b"one two"


@pytest.mark.parametrize("file", ["a.txt", 7, {"name": "a.txt", "media_type": "text/plain", "pages": 3}])
async def test_a_task_whose_file_is_a_value_of_its_own_runs_again_with_it(
    acme: Account, rows: Rows, file: JsonValue
) -> None:
    name = f"tests.{uuid4()}"
    await rows.put(tables.task_types, acme.tenant_id, name=name)
    ended = {"status": "SUCCESS", "due_at": None, "finished_at": func.now()}
    in_parts = await rows.task(
        acme.tenant_id, type=name, input=json.dumps({"file": file}).encode(), content=b"cut in parts", **ended
    )

    again = await acme.client.post(f"/v1/tasks/{ids.encode(ids.TASK, in_parts)}/retry")

    assert (again.status_code, again.json()["input"]) == (303, {"file": file})


async def test_both_kinds_of_body_are_described(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]["/v1/tasks"]["post"]["requestBody"]["content"]

    form = described["multipart/form-data"]["schema"]
    assert set(described) == {"application/json", "multipart/form-data"}
    assert form["properties"]["file"] == {"type": "string", "format": "binary"}
    assert set(form["properties"]) == {"file", *described["application/json"]["schema"]["properties"]}
