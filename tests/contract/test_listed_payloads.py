"""Lists that carry payloads: each document as it is read alone, and pages that end where there is no more room."""

from typing import cast

import httpx
import pytest
from sqlalchemy import func

from core.model import ids, tables
from core.model.ids import DeliveryId
from tests.support.accounts import Account, Json
from tests.support.rows import Rows
from tests.support.samples import URL, ago

ROOM = 8 * 1024 * 1024
LARGE = b'{"text":"%b"}' % (b"x" * (ROOM * 3 // 8))
"""Three of these are more than a page has room for after the second."""
COUNT = 5
TYPES_ROOM = 1024 * 1024
RUNNING: dict[str, object] = {"due_at": None, "lease_until": ago(-60), "run": 1, "started_at": func.now()}
ENDED: dict[str, object] = {"due_at": None, "finished_at": func.now(), "started_at": func.now(), "run": 2}
TASKS: dict[str, dict[str, object]] = {
    "PENDING": {"unique_key": "k", "metadata": {"café": "1"}, "webhook_url": URL},
    "RETRY": {"run": 1, "lost_count": 1, "max_attempts": 3},
    "PROGRESS": RUNNING | {"progress": {"current": 2.0, "total": None, "message": "two"}},
    "SUCCESS": ENDED | {"result": b'{"n": 1.50, "m":1e400}', "result_size": 22},
    "FAILURE": ENDED | {"error_code": "division_by_zero", "error_title": "Division", "error_detail": None},
    "REVOKED": ENDED | {"input": None, "erased_at": func.now()},
}


@pytest.mark.parametrize("status", TASKS)
async def test_a_listed_task_is_in_each_byte_the_task_that_is_read(acme: Account, rows: Rows, status: str) -> None:
    columns: dict[str, object] = {"input": b'{"y": 4.0,\n "x":1E2}', "retry_of": rows.new_id()}
    task = await rows.task(acme.tenant_id, **{**columns, "status": status, **TASKS[status]})

    listed = await acme.client.get("/v1/tasks")
    read = await acme.client.get(f"/v1/tasks/{ids.encode(ids.TASK, task)}")

    assert listed.content == b'{"data":[%b],"next_cursor":null}' % read.content
    assert listed.headers["content-type"] == "application/json"
    assert "etag" not in listed.headers


async def test_a_listed_attempt_has_each_of_its_fields_in_order(acme: Account, rows: Rows) -> None:
    body = '{"type":"order.paid","data":"é\\n\\"" }'
    event = await rows.event(acme.tenant_id, body=body.encode(), data_offset=28, data_length=7)
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), event_id=event)
    answered = {"response_status": 503, "response_headers": [["A", "1"], ["A", "ü"]], "response_body": "ß\0".encode()}
    took = {"dns_ms": 1.0, "connect_ms": 0.5, "tls_ms": None, "first_byte_ms": 1e-5, "total_ms": 12.25}
    failed = {"outcome": "failed", "error": "http_status", "note": "late", "address": "192.0.2.1"}
    more: dict[str, object] = {"request_headers": {"X-Own": "********"}, "response_truncated": True}
    made = await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, **answered, **took, **failed, **more)

    page: Json = (await acme.client.get(attempts_of(delivery))).json()

    (attempt,) = cast("list[Json]", page["data"])
    started_at = str(attempt.pop("started_at"))
    assert list(attempt.items()) == [
        ("id", ids.encode(ids.ATTEMPT, made["id"])),  # pyright: ignore[reportArgumentType] - a row's ID
        ("delivery_id", ids.encode(ids.DELIVERY, delivery)),
        ("number", 1),
        ("trigger", "first"),
        ("outcome", "failed"),
        ("error", "http_status"),
        ("note", "late"),
        ("request", {"url": URL, "headers": {"X-Own": "********"}, "body": body}),
        (
            "response",
            {
                "status": 503,
                "headers": [["A", "1"], ["A", "ü"]],
                "body": "ß\0",
                "encoding": "utf-8",
                "truncated": True,
            },
        ),
        ("address", "192.0.2.1"),
        ("duration_ms", {"dns": 1.0, "connect": 0.5, "tls": None, "first_byte": 1e-5, "total": 12.25}),
    ]
    assert (started_at[-1], len(started_at)) == ("Z", 24)


def attempts_of(delivery: DeliveryId) -> str:
    return f"/v1/deliveries/{ids.encode(ids.DELIVERY, delivery)}/attempts"


async def sizes_of_pages(client: httpx.AsyncClient, path: str, limit: int) -> tuple[list[int], list[str]]:
    """Follow the links of a list; return how many each page holds, and all IDs in their order."""
    pages: list[list[str]] = []
    url: str | None = f"{path}?limit={limit}"
    while url is not None:
        answer = (await client.get(url)).raise_for_status()
        documents = cast("list[Json]", answer.json()["data"])
        pages.append([str(one.get("task_id") or one.get("id") or one["name"]) for one in documents])
        url = answer.links.get("next", {}).get("url")
    return [len(page) for page in pages], [one for page in pages for one in page]


each_limit = pytest.mark.parametrize(
    ("limit", "pages"), [(200, [3, 2]), (4, [3, 2]), (3, [3, 2]), (2, [2, 2, 1]), (1, [1] * COUNT)]
)


@each_limit
async def test_a_page_of_tasks_ends_once_their_payloads_are_too_much(
    acme: Account, rows: Rows, limit: int, pages: list[int]
) -> None:
    made = [await rows.task(acme.tenant_id, input=LARGE) for _ in range(COUNT)]

    found = await sizes_of_pages(acme.client, "/v1/tasks", limit)

    assert found == (pages, sorted((ids.encode(ids.TASK, one) for one in made), reverse=True))


@each_limit
async def test_a_page_of_attempts_ends_once_their_bodies_are_too_much(
    acme: Account, rows: Rows, limit: int, pages: list[int]
) -> None:
    event = await rows.event(acme.tenant_id, body=LARGE, data_offset=8, data_length=len(LARGE) - 9)
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), event_id=event)
    made = [
        await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, id=id_, number=number)
        for number, id_ in zip(range(1, COUNT + 1), [rows.new_id() for _ in range(COUNT)][::-1], strict=True)
    ]

    found = await sizes_of_pages(acme.client, attempts_of(delivery), limit)

    assert found == (pages, [ids.encode(ids.ATTEMPT, one["id"]) for one in made])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("limit", "pages"), [(200, [3, 2]), (4, [3, 2]), (3, [3, 2]), (2, [2, 2, 1])])
async def test_a_page_of_event_types_ends_once_their_schemas_are_too_much(
    acme: Account, rows: Rows, limit: int, pages: list[int]
) -> None:
    text = "x" * (TYPES_ROOM * 3 // 16)
    many: dict[str, object] = {"schema": {"description": text}, "example": [text]}
    made = [str((await rows.put(tables.event_types, acme.tenant_id, name=f"a.{n}", **many))["name"]) for n in range(5)]

    found = await sizes_of_pages(acme.client, "/v1/event-types", limit)

    assert found == (pages, made)
