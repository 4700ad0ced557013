"""Tasks: submit, poll, read the result."""

from typing import cast

import httpx
import pytest
from sqlalchemy import func

from core.model import ids, tables
from core.model.ids import TaskId, TenantId
from core.redis import open_redis
from core.results import Results
from tests.support.accounts import Account, Json, data, pointers, refused
from tests.support.apps import serving, settings_of
from tests.support.rows import Rows
from tests.support.samples import URL, ago

DIVIDE = {"type": "math.divide", "input": {"x": 1, "y": 4}}
UNKNOWN = f"/v1/tasks/task_{'0' * 26}"
ENDED: dict[str, object] = {"due_at": None, "finished_at": func.now(), "run": 1}
STATES: dict[str, dict[str, object]] = {
    "PENDING": {},
    "RETRY": {"run": 1},
    "STARTED": {"due_at": None, "lease_until": ago(-60), "run": 1},
    "PROGRESS": {"due_at": None, "lease_until": ago(-60), "run": 1},
    "SUCCESS": ENDED | {"result": b'{"n": 1.50}', "result_size": 11},
    "FAILURE": ENDED | {"error_code": "division_by_zero", "error_title": "Division", "error_detail": "y is zero."},
    "REVOKED": ENDED,
}
UNDER_WAY = ["PENDING", "RETRY", "STARTED", "PROGRESS"]


def path(task: TaskId) -> str:
    return f"/v1/tasks/{ids.encode(ids.TASK, task)}"


async def in_state(rows: Rows, tenant: TenantId, status: str, **columns: object) -> str:
    """Make a task in this state; return its path."""
    return path(await rows.task(tenant, **{"status": status, **STATES[status], **columns}))


async def test_a_task_is_answered_with_where_to_poll_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/tasks", json=DIVIDE)

    task: Json = answer.json()
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/v1/tasks/{task['task_id']}" == cast("Json", task["links"])["self"]
    assert (task["type"], task["status"], task["input"]) == ("math.divide", "PENDING", {"x": 1, "y": 4})
    assert (task["result"], task["error"], task["progress"], task["attempts"]) == (None, None, None, 0)


async def test_an_answer_means_that_the_task_is_recorded(client: httpx.AsyncClient, rows: Rows) -> None:
    answer = await client.post("/v1/tasks", json={**DIVIDE, "metadata": {"order": "42"}})

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, str(answer.json()["task_id"])))
    assert (row["status"], row["metadata"], row["input"]) == ("PENDING", {"order": "42"}, b'{"x":1,"y":4}')


@pytest.mark.parametrize(
    "prefer", ["respond-async", "Respond-Async", "respond-async, wait=1", 'foo;bar="x", respond-async']
)
async def test_a_client_may_prefer_202_to_being_sent_on(client: httpx.AsyncClient, prefer: str) -> None:
    answer = await client.post("/v1/tasks", json=DIVIDE, headers={"Prefer": prefer})

    assert answer.status_code == 202
    assert answer.headers["preference-applied"].startswith("respond-async")
    assert answer.headers["location"] == f"/v1/tasks/{answer.json()['task_id']}"
    assert (answer.headers["retry-after"], answer.headers["vary"]) == ("1", "Prefer")


async def test_preferences_may_come_in_several_lines(client: httpx.AsyncClient) -> None:
    lines = [("Prefer", "return=minimal"), ("Prefer", "respond-async")]

    answer = await client.post("/v1/tasks", json=DIVIDE, headers=lines)

    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")


@pytest.mark.parametrize("prefer", ["", "return=minimal", "respond-asynchronously", "wait=0"])
async def test_another_preference_changes_nothing(client: httpx.AsyncClient, prefer: str) -> None:
    answer = await client.post("/v1/tasks", json=DIVIDE, headers={"Prefer": prefer})

    assert answer.status_code == 303
    assert "preference-applied" not in answer.headers


async def test_an_unknown_type_is_refused(client: httpx.AsyncClient) -> None:
    assert pointers(await client.post("/v1/tasks", json={**DIVIDE, "type": "math.fly"})) == ["/type"]


@pytest.mark.parametrize(
    ("input_", "where"),
    [({}, ["/input", "/input"]), ({"x": 1, "y": "2"}, ["/input/y"]), ({"x": 1, "y": 2, "z": 3}, ["/input"])],
)
async def test_an_input_that_does_not_fit_is_told_where(
    client: httpx.AsyncClient, input_: Json, where: list[str]
) -> None:
    assert pointers(await client.post("/v1/tasks", json={**DIVIDE, "input": input_})) == where


async def test_an_input_is_kept_in_the_bytes_in_which_it_was_sent(client: httpx.AsyncClient) -> None:
    body = b'{"type": "math.divide", "input": { "y" : 4.0e0,  "x":1.50 }}'

    answer = await client.post("/v1/tasks", content=body, headers={"Content-Type": "application/json"})

    assert b'"input":{ "y" : 4.0e0,  "x":1.50 },' in answer.content
    polled = await client.get(answer.headers["location"])
    assert b'"input":{ "y" : 4.0e0,  "x":1.50 },' in polled.content


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "http://10.0.0.1/", "http://localhost:8000/", "https://user:pw@example.com/", "x"]
)
async def test_a_forbidden_callback_is_refused(client: httpx.AsyncClient, url: str) -> None:
    assert pointers(await client.post("/v1/tasks", json={**DIVIDE, "webhook_url": url})) == ["/webhook_url"]


@pytest.mark.parametrize("secret", ["hunter2", "whsec_short", "whsk_AAAA", ""])
async def test_a_malformed_secret_is_refused(client: httpx.AsyncClient, secret: str) -> None:
    answer = await client.post("/v1/tasks", json={**DIVIDE, "webhook_secret": secret})

    assert pointers(answer) == ["/webhook_secret"]


async def test_a_secret_is_kept_sealed_and_never_shown(client: httpx.AsyncClient, rows: Rows) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    given = {"webhook_url": "http://127.0.0.1:9999/hook", "webhook_secret": secret}

    answer = await client.post("/v1/tasks", json={**DIVIDE, **given})

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, str(answer.json()["task_id"])))
    assert secret not in answer.text + (await client.get(answer.headers["location"])).text
    assert secret.encode() not in cast("bytes", row["sealed_webhook_secret"])
    assert answer.json()["webhook_url"] == "http://127.0.0.1:9999/hook"


@pytest.mark.parametrize("status", UNDER_WAY)
async def test_a_task_under_way_is_answered_with_202(acme: Account, rows: Rows, status: str) -> None:
    answer = await acme.client.get(await in_state(rows, acme.tenant_id, status))

    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    assert (answer.json()["status"], answer.json()["finished_at"]) == (status, None)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "REVOKED"])
async def test_an_ended_task_is_answered_with_200_well_or_badly(acme: Account, rows: Rows, status: str) -> None:
    answer = await acme.client.get(await in_state(rows, acme.tenant_id, status))

    assert answer.status_code == 200
    assert answer.json()["status"] == status
    assert answer.json()["finished_at"].endswith("Z")
    assert "retry-after" not in answer.headers


async def test_a_failed_task_says_why(acme: Account, rows: Rows) -> None:
    answer = await acme.client.get(await in_state(rows, acme.tenant_id, "FAILURE"))

    assert answer.json()["error"] == {"code": "division_by_zero", "title": "Division", "detail": "y is zero."}


@pytest.mark.parametrize("of", [UNKNOWN, "/v1/tasks/nonsense", f"/v1/tasks/evt_{'0' * 26}"])
@pytest.mark.parametrize("part", ["", "/result", "/deliveries"])
async def test_an_unknown_task_is_not_found(client: httpx.AsyncClient, of: str, part: str) -> None:
    refused(await client.get(of + part), 404, "not-found")


async def test_a_result_is_the_bare_json_that_the_task_returned(acme: Account, rows: Rows) -> None:
    answer = await acme.client.get(await in_state(rows, acme.tenant_id, "SUCCESS") + "/result")

    assert (answer.status_code, answer.content) == (200, b'{"n": 1.50}')
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", UNDER_WAY)
async def test_there_is_no_result_yet_while_a_task_is_under_way(acme: Account, rows: Rows, status: str) -> None:
    answer = await acme.client.get(await in_state(rows, acme.tenant_id, status) + "/result")

    assert (answer.status_code, answer.headers["retry-after"]) == (202, "1")
    assert answer.json() == {"detail": "Result not available yet"}


async def test_the_result_of_a_failed_task_is_its_problem(acme: Account, rows: Rows) -> None:
    answer = await acme.client.get(await in_state(rows, acme.tenant_id, "FAILURE") + "/result")

    assert refused(answer, 500, "task-failed")["detail"] == "y is zero."


@pytest.mark.parametrize(
    ("status", "columns"),
    [("REVOKED", {}), ("SUCCESS", {"result": None, "result_size": 20_000}), ("SUCCESS", {"result": None})],
    ids=["revoked", "too large and no longer in Redis", "erased"],
)
async def test_a_result_that_is_not_kept_is_gone(
    acme: Account, rows: Rows, status: str, columns: dict[str, object]
) -> None:
    task = await in_state(rows, acme.tenant_id, status, **columns)

    refused(await acme.client.get(f"{task}/result"), 410, "gone")


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "REVOKED"])
async def test_the_result_of_a_task_that_was_deleted_is_gone(acme: Account, rows: Rows, status: str) -> None:
    task = await in_state(rows, acme.tenant_id, status)

    await acme.client.delete(task)

    refused(await acme.client.get(f"{task}/result"), 410, "gone")
    assert (await acme.client.get(task)).json()["status"] == status


async def test_a_large_result_is_not_gone_while_redis_is_away(acme: Account, rows: Rows, api_database: str) -> None:
    task = await in_state(rows, acme.tenant_id, "SUCCESS", result=None, result_size=20_000)

    async with serving(settings_of(database=api_database)) as api:
        acting = {"Ringback-Tenant": ids.encode(ids.TENANT, acme.tenant_id)}
        result, shown = [await api.get(path, headers=acting) for path in (f"{task}/result", task)]

    refused(result, 503, "unavailable")
    assert (shown.status_code, shown.json()["result"]) == (200, None)


async def test_a_task_past_the_retention_is_not_there(acme: Account, rows: Rows) -> None:
    day = 86_400
    old, kept = [await in_state(rows, acme.tenant_id, "SUCCESS", finished_at=ago(days * day)) for days in (31, 29)]

    shown = [one["task_id"] for one in data(await acme.client.get("/v1/tasks"))]

    refused(await acme.client.get(old), 404, "not-found")
    refused(await acme.client.get(f"{old}/result"), 404, "not-found")
    assert (await acme.client.get(kept)).status_code == 200
    assert shown == [kept.rpartition("/")[2]]


@pytest.mark.parametrize(("status", "kept"), [("STARTED", True), ("PENDING", False), ("SUCCESS", False)])
async def test_a_deleted_task_keeps_its_secret_while_its_end_is_still_to_be_told(
    acme: Account, rows: Rows, status: str, *, kept: bool
) -> None:
    task = await in_state(rows, acme.tenant_id, status, webhook_url=URL, sealed_webhook_secret=b"sealed")

    await acme.client.delete(task)

    row = await rows.row(tables.tasks, ids.decode(ids.TASK, task.rpartition("/")[2]))
    assert (row["sealed_webhook_secret"] == b"sealed") == kept


async def test_a_large_result_is_read_from_redis(acme: Account, rows: Rows, redis_store: str) -> None:
    large = b'"' + b"x" * 20_000 + b'"'
    task = await in_state(rows, acme.tenant_id, "SUCCESS", result=None, result_size=len(large))
    redis = open_redis(redis_store)
    await Results(redis, ttl=60).put(TaskId(ids.decode(ids.TASK, task.rpartition("/")[2])), 1, large)

    answer = await acme.client.get(f"{task}/result")

    await redis.aclose()
    assert answer.content == large
    assert (await acme.client.get(task)).json()["result"] == "x" * 20_000


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ({"status": "SUCCESS"}, ["SUCCESS"]),
        ({"type": "math.divide"}, ["REVOKED", "SUCCESS"]),
        ({"type": "words.count"}, ["PENDING"]),
        ({"type": "words.count", "status": "SUCCESS"}, []),
        ({"type": ""}, []),
        ({}, ["REVOKED", "PENDING", "SUCCESS"]),
    ],
)
async def test_tasks_are_listed_by_status_and_type(
    acme: Account, rows: Rows, query: dict[str, str], statuses: list[str]
) -> None:
    await in_state(rows, acme.tenant_id, "SUCCESS")
    await in_state(rows, acme.tenant_id, "PENDING", type="words.count")
    await in_state(rows, acme.tenant_id, "REVOKED")

    assert [one["status"] for one in data(await acme.client.get("/v1/tasks", params=query))] == statuses


async def test_the_task_types_are_described_by_json_schema(client: httpx.AsyncClient) -> None:
    listed = {str(one["name"]): one for one in data(await client.get("/v1/task-types"))}

    one: Json = (await client.get("/v1/task-types/math.divide")).json()
    assert one == listed["math.divide"]
    assert cast("Json", one["input_schema"])["required"] == ["x", "y"]
    assert one["output_schema"] == {"type": "number"}
    assert {"queue", "soft_time_limit", "hard_time_limit", "retry_policy", "description"} <= set(one)


async def test_an_unknown_task_type_is_not_found(client: httpx.AsyncClient) -> None:
    refused(await client.get("/v1/task-types/math.fly"), 404, "not-found")
