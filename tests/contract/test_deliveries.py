"""Deliveries and attempts: what was sent, when, why not yet, and what will follow."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import func

from api.paging import encode_cursor
from core.model import ids, tables
from core.model.ids import DeliveryId, EndpointId, EventId, TaskId
from tests.support.accounts import Account, Json, data, pointers, refused
from tests.support.rows import Rows
from tests.support.samples import BODY, URL, ago

SUCCEEDED = {"status": "succeeded", "due_at": None, "succeeded_at": func.now(), "finished_at": func.now()}
EXHAUSTED = {"status": "exhausted", "due_at": None, "finished_at": func.now()}
UNKNOWN = f"/v1/deliveries/dlv_{'0' * 26}"


def path(delivery: DeliveryId) -> str:
    return f"/v1/deliveries/{ids.encode(ids.DELIVERY, delivery)}"


@dataclass(frozen=True)
class Log:
    """A tenant whose deliveries differ in everything that a filter can name."""

    account: Account
    endpoint: EndpointId
    event: EventId
    task: TaskId
    waiting: DeliveryId
    succeeded: DeliveryId
    exhausted: DeliveryId
    direct: DeliveryId

    async def named(self, **query: str) -> set[DeliveryId]:
        """Return which deliveries a filtered list names."""
        found = data(await self.account.client.get("/v1/deliveries", params=query))
        return {DeliveryId(ids.decode(ids.DELIVERY, str(one["id"]))) for one in found}


@pytest.fixture
async def log(acme: Account, rows: Rows) -> Log:
    """A log with four deliveries."""
    tenant = acme.tenant_id
    endpoint, event, task = await rows.endpoint(tenant), await rows.event(tenant), await rows.task(tenant)
    failed = EXHAUSTED | {"last_response_code": 503, "last_error": "http_status", "event_type": "user.made"}
    return Log(
        account=acme,
        endpoint=endpoint,
        event=event,
        task=task,
        waiting=await rows.delivery(tenant, endpoint, event_type="order.paid"),
        succeeded=await rows.delivery(tenant, endpoint, event_id=event, last_response_code=204, **SUCCEEDED),
        exhausted=await rows.delivery(tenant, await rows.endpoint(tenant), **failed),
        direct=await rows.delivery(tenant, None, lane=rows.new_id(), task_id=task, url=URL, last_error="timeout"),
    )


FILTERS: list[tuple[dict[str, str], set[str]]] = [
    ({}, {"waiting", "succeeded", "exhausted", "direct"}),
    ({"status": "pending"}, {"waiting", "direct"}),
    ({"status": "succeeded"}, {"succeeded"}),
    ({"status": "exhausted"}, {"exhausted"}),
    ({"status": "cancelled"}, set()),
    ({"event_type": "user.made"}, {"exhausted"}),
    ({"event_type": "user.*"}, set()),
    ({"response_code": "503"}, {"exhausted"}),
    ({"response_code": "5xx"}, {"exhausted"}),
    ({"response_code": "2xx"}, {"succeeded"}),
    ({"response_code": "200"}, set()),
    ({"error": "timeout"}, {"direct"}),
    ({"error": "http_status"}, {"exhausted"}),
    ({"status": "pending", "error": "timeout"}, {"direct"}),
    ({"created_after": "0001-01-01T00:00:00Z"}, {"waiting", "succeeded", "exhausted", "direct"}),
    ({"created_before": "9999-12-31T23:59:59Z"}, {"waiting", "succeeded", "exhausted", "direct"}),
    ({"created_after": "2099-01-01T00:00:00Z"}, set()),
    ({"created_before": "2020-01-01T00:00:00+01:00"}, set()),
    ({"endpoint_id": "nonsense"}, set()),
    ({"event_id": f"task_{'0' * 26}"}, set()),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS, ids=[repr(query) for query, _ in FILTERS])
async def test_deliveries_are_listed_by_each_filter(log: Log, query: dict[str, str], expected: set[str]) -> None:
    assert await log.named(**query) == {getattr(log, name) for name in expected}


async def test_deliveries_are_listed_by_endpoint_event_and_task(log: Log) -> None:
    of_endpoint = await log.named(endpoint_id=ids.encode(ids.ENDPOINT, log.endpoint))
    of_event = await log.named(event_id=ids.encode(ids.EVENT, log.event))
    of_task = await log.named(task_id=ids.encode(ids.TASK, log.task))

    assert (of_endpoint, of_event, of_task) == ({log.waiting, log.succeeded}, {log.succeeded}, {log.direct})


async def test_the_deliveries_of_a_task_are_listed_beside_it(log: Log) -> None:
    found = data(await log.account.client.get(f"/v1/tasks/{ids.encode(ids.TASK, log.task)}/deliveries"))

    assert [one["id"] for one in found] == [ids.encode(ids.DELIVERY, log.direct)]
    assert (found[0]["endpoint_id"], found[0]["url"]) == (None, URL)


async def test_time_bounds_leave_out_the_moment_itself(log: Log, rows: Rows) -> None:
    row = await rows.row(tables.deliveries, log.succeeded)
    created = cast("datetime", row["created_at"])
    before, after = created - timedelta(microseconds=1), created + timedelta(microseconds=1)

    at = await log.named(created_after=created.isoformat(), created_before=created.isoformat())
    around = await log.named(created_after=before.isoformat(), created_before=after.isoformat())

    assert at == set()
    assert log.succeeded in around


@pytest.mark.parametrize(
    "query",
    [
        {"status": "sending"},
        {"response_code": "99"},
        {"response_code": "5x"},
        {"response_code": "xxx"},
        {"error": "luck"},
        {"created_after": "yesterday"},
        {"created_after": "2026-01-01T00:00:00"},
        {"created_before": "9999-12-31T23:59:59-23:59"},
        {"event_type": "t" * 129},
    ],
    ids=repr,
)
async def test_a_bad_filter_is_told_by_its_name(acme: Account, query: dict[str, str]) -> None:
    answer = await acme.client.get("/v1/deliveries", params=query)

    assert pointers(answer) == [f"/{next(iter(query))}"]


async def test_a_delivery_is_read_with_its_whole_schedule(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, retry_schedule=[60, 600])
    due = datetime(2099, 1, 1, tzinfo=UTC)
    waiting = {"status": "retrying", "step": 1, "claim": 1, "attempt_count": 1, "trigger": "retry", "due_at": due}
    delivery = await rows.delivery(acme.tenant_id, endpoint, wait_reason="schedule", **waiting)
    failed: dict[str, object] = {
        "outcome": "failed",
        "error": "http_status",
        "response_status": 500,
        "response_headers": [],
    }
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, **failed)

    detail: Json = (await acme.client.get(path(delivery))).json()

    schedule = cast("list[Json]", detail["schedule"])
    assert (detail["waiting_for"], detail["next_attempt_at"]) == ("schedule", "2099-01-01T00:00:00.000Z")
    assert [(one["number"], one["made"], one["reason"]) for one in schedule] == [
        (1, True, "first"),
        (2, False, "retry"),
        (3, False, "retry"),
    ]
    assert (schedule[0]["outcome"], schedule[0]["response_code"]) == ("failed", 500)
    assert [one["at"] for one in schedule[1:]] == ["2099-01-01T00:00:00.000Z", "2099-01-01T00:10:00.000Z"]


@pytest.mark.parametrize(
    ("columns", "endpoint", "why"),
    [
        ({}, {}, None),
        ({"due_at": ago(-60), "wait_reason": "retry_after"}, {}, "retry_after"),
        ({}, {"status": "paused"}, "paused"),
        ({"lease_until": ago(-60), "claim": 1, "attempt_count": 1}, {}, None),
        (SUCCEEDED, {}, None),
    ],
    ids=["due", "told to wait", "paused", "on the wire", "ended"],
)
async def test_why_a_delivery_waits_is_told(
    acme: Account, rows: Rows, columns: dict[str, object], endpoint: dict[str, object], why: str | None
) -> None:
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id, **endpoint), **columns)

    assert (await acme.client.get(path(delivery))).json()["waiting_for"] == why


async def test_a_delivery_of_a_deleted_endpoint_still_names_its_url(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, deleted_at=func.now())
    ended = {"status": "cancelled", "reason": "endpoint_deleted", "due_at": None, "finished_at": func.now()}
    delivery = await rows.delivery(acme.tenant_id, endpoint, **ended)

    detail: Json = (await acme.client.get(path(delivery))).json()

    assert (detail["url"], detail["status"], detail["reason"]) == (URL, "cancelled", "endpoint_deleted")


async def test_an_attempt_shows_what_was_sent_and_what_came_back(acme: Account, rows: Rows) -> None:
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), **SUCCEEDED)
    answered: dict[str, object] = {
        "response_status": 200,
        "response_headers": [["A", "1"], ["A", "2"]],
        "response_body": b"thanks",
    }
    sent = {"request_headers": {"webhook-id": "evt_x", "X-Own": "********"}, "address": "192.0.2.1", "total_ms": 12.5}
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, response_truncated=False, **answered, **sent)

    (attempt,) = data(await acme.client.get(f"{path(delivery)}/attempts"))

    request, response = cast("Json", attempt["request"]), cast("Json", attempt["response"])
    assert request == {"url": URL, "headers": sent["request_headers"], "body": BODY.decode()}
    assert (response["status"], response["headers"]) == (200, [["A", "1"], ["A", "2"]])
    assert (response["body"], response["encoding"], response["truncated"]) == ("thanks", "utf-8", False)
    assert cast("Json", attempt["duration_ms"])["total"] == 12.5
    assert (attempt["number"], attempt["outcome"], attempt["address"]) == (1, "succeeded", "192.0.2.1")


async def test_a_response_that_is_no_text_comes_in_base64(acme: Account, rows: Rows) -> None:
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), **SUCCEEDED)
    answered: dict[str, object] = {"response_status": 200, "response_headers": [], "response_body": b"\xff\x00"}
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, response_truncated=True, **answered)

    (attempt,) = data(await acme.client.get(f"{path(delivery)}/attempts"))

    response = cast("Json", attempt["response"])
    assert (response["body"], response["encoding"], response["truncated"]) == ("/wA=", "base64", True)


async def test_attempts_come_in_their_order_and_an_unknown_one_has_no_response(acme: Account, rows: Rows) -> None:
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), claim=2, attempt_count=2)
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, number=2, trigger="retry")
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, outcome="unknown")

    attempts = data(await acme.client.get(f"{path(delivery)}/attempts"))

    assert [(one["number"], one["outcome"], one["response"]) for one in attempts] == [
        (1, "unknown", None),
        (2, "succeeded", None),
    ]


async def test_attempts_come_page_by_page_in_their_order(acme: Account, rows: Rows) -> None:
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), claim=3, attempt_count=3)
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, number=2, trigger="resend")
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery)
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, number=3, trigger="resend")

    first = await acme.client.get(f"{path(delivery)}/attempts", params={"limit": 2})
    rest = await acme.client.get(first.links["next"]["url"])

    assert [one["number"] for one in data(first)] == [1, 2]
    assert [one["number"] for one in data(rest)] == [3]
    assert rest.json()["next_cursor"] is None


async def test_a_cursor_that_names_none_of_these_attempts_begins_at_the_first(acme: Account, rows: Rows) -> None:
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id))
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery)

    query = {"cursor": encode_cursor(rows.new_id(), ids.ATTEMPT, acme.tenant_id)}
    found = data(await acme.client.get(f"{path(delivery)}/attempts", params=query))

    assert [one["number"] for one in found] == [1]


async def test_the_schedule_names_each_reason_and_outcome(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, retry_schedule=[60])
    waiting = {"status": "retrying", "step": 0, "claim": 2, "attempt_count": 2, "trigger": "recover"}
    delivery = await rows.delivery(acme.tenant_id, endpoint, **waiting)
    failed: dict[str, object] = {"outcome": "failed", "error": "timeout"}
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, **failed)
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, number=2, trigger="retry", outcome="unknown")

    detail: Json = (await acme.client.get(path(delivery))).json()

    schedule = cast("list[Json]", detail["schedule"])
    assert [(one["reason"], one["outcome"], one["error"]) for one in schedule] == [
        ("first", "failed", "timeout"),
        ("retry", "unknown", None),
        ("recover", None, None),
        ("retry", None, None),
    ]


async def test_an_attempt_of_an_erased_payload_has_no_body(acme: Account, rows: Rows) -> None:
    event = await rows.event(acme.tenant_id, body=None, erased_at=func.now())
    delivery = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), event_id=event, **SUCCEEDED)
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery)

    (attempt,) = data(await acme.client.get(f"{path(delivery)}/attempts"))

    assert cast("Json", attempt["request"])["body"] is None


@pytest.mark.parametrize("part", ["", "/attempts"])
@pytest.mark.parametrize("of", [UNKNOWN, "/v1/deliveries/nonsense"])
async def test_an_unknown_delivery_is_not_found(acme: Account, of: str, part: str) -> None:
    refused(await acme.client.get(of + part), 404, "not-found")
