"""The statements that read the log; all run in the tenant's role, so that each sees one tenant's rows."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all, fetch_one
from core.journal.look_queries import Found, Look, in_room, page_of, read_end, was_cut
from core.journal.read import AttemptLine, AttemptRecord, DeliveryFilter, DeliveryRecord
from core.journal.retention_queries import KEPT_FROM
from core.journal.tasks import TaskRecord
from core.model.ids import AttemptId, DeliveryId, TaskId
from core.model.tables import TROUBLED

TASK_COLUMNS: Final = (
    "id, tenant_id, type, queue, status, input, result, result_size, progress, error_code, error_title, error_detail,"
    " run, lost_count, max_attempts, webhook_url, unique_key, retry_of, metadata, traceparent, created_at, started_at,"
    " finished_at, erased_at IS NOT NULL AS erased"
)

_SHOWN: Final = """
SELECT d.id, d.tenant_id, d.event_id, d.event_type, d.endpoint_id, d.task_id, coalesce(d.url, nullif(e.url, '')) AS url,
       d.status, d.reason, d.trigger, d.wait_reason, d.due_at, coalesce(d.due_at <= now(), false) AS is_due,
       d.lease_until IS NOT NULL AS on_the_wire, d.succeeded_at IS NOT NULL AS had_succeeded, d.resend_asked_at,
       e.status AS endpoint_status, coalesce(e.mode = 'pull', false) AS is_pulled, d.attempt_count, d.step,
       e.retry_schedule AS schedule, d.last_response_code, d.last_error, d.created_at, d.finished_at
"""
_WITH_ENDPOINT: Final = "LEFT JOIN endpoints e ON e.id = d.endpoint_id"
_DELIVERY: Final = f"{_SHOWN} FROM deliveries d {_WITH_ENDPOINT}"


_TROUBLED: Final = "(" + re.sub("last_error|status", r"d.\g<0>", TROUBLED) + ")"
_WAITING: Final = "d.due_at IS NOT NULL"
# The ID bounds what is read: its time is that of its making, a statement's length away from `created_at`.
_WITHIN: Final = {
    "endpoint_id": "d.endpoint_id = :endpoint_id",
    "event_id": "d.event_id = :event_id",
    "task_id": "d.task_id = :task_id",
    "created_after": "d.id >= ringback_floor(CAST(:created_after AS TIMESTAMPTZ) - INTERVAL '1 min')",
    "created_before": "d.id <= ringback_floor(CAST(:created_before AS TIMESTAMPTZ) + INTERVAL '1 min')",
}
_TESTS: Final = {
    "status": "d.status = :status",
    "event_type": "d.event_type = :event_type",
    "response_code": "d.last_response_code = :response_code",
    "response_class": "d.last_response_code / 100 = :response_class",
    "error": "d.last_error = :error",
    "created_after": "d.created_at > :created_after",
    "created_before": "d.created_at < :created_before",
}
# How many are wanted of an endpoint is hidden from the planner: where it expects fewer it would read and sort all.
_FIRST_OF_EACH: Final = f"""
{_SHOWN} FROM (
    SELECT d.* FROM endpoints o CROSS JOIN LATERAL (
        SELECT * FROM deliveries d WHERE d.endpoint_id = o.id AND {{}} ORDER BY d.id DESC
        LIMIT (SELECT CAST(:limit AS BIGINT))) d
    WHERE o.tenant_id = ringback_tenant_id() AND o.owner = ringback_key_owner() ORDER BY d.id DESC LIMIT :limit
) d {_WITH_ENDPOINT} ORDER BY d.id DESC
"""


# What ended before the retention is hidden until it is gone.
KEPT_TASK: Final = """coalesce(d.finished_at >= now() - make_interval(
    days => (SELECT retention_days FROM tenants WHERE id = ringback_tenant_id())), true)"""


async def read_task(tx: AsyncConnection, *, task_id: TaskId) -> TaskRecord | None:
    """Look up one task by its primary key, in the tenant's role."""
    sql = f"SELECT {TASK_COLUMNS} FROM tasks d WHERE d.id = :id AND {KEPT_TASK}"
    return await fetch_one(tx, TaskRecord, sql, id=task_id)


@dataclass(frozen=True, slots=True)
class Mark:
    """What changes whenever a task does, short of its progress."""

    id: TaskId
    mark: str


async def read_marks(tx: AsyncConnection, *, task_ids: Sequence[UUID]) -> tuple[Mark, ...]:
    """Read the marks of many tasks by the primary key, in the engine's role."""
    sql = "SELECT id, status || ' ' || run AS mark FROM tasks WHERE id = ANY(CAST(:ids AS UUID[]))"
    return await fetch_all(tx, Mark, sql, ids=list(task_ids))


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; `None` means any, `metadata` holds what has to be there."""

    status: str | None = None
    type: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


_ANY: Final[tuple[object, ...]] = (None, {})
_TASK_TESTS: Final = {
    "status": "d.status = :status",
    "type": "d.type = :type",
    "created_after": "d.created_at > :created_after",
    "created_before": "d.created_at < :created_before",
    "metadata": "d.metadata @> CAST(:metadata AS JSONB)",
}


_TASK_SIZE: Final = "coalesce(octet_length(p.input), 0) + coalesce(octet_length(p.result), 0)"


async def list_tasks(
    tx: AsyncConnection, *, wanted: TaskFilter, before: TaskId | None, limit: int
) -> tuple[TaskRecord, ...]:
    """List tasks, newest first, by `tasks_tenant_id_id_idx`.

    What is asked for is looked for in the first `LOOK_BACK` of them, and there are no more once their inputs and
    results come to `ROOM` bytes; `look_tasks` tells where to go on.
    """
    look = _look_for_tasks(wanted, before)
    sql = f"SELECT {TASK_COLUMNS} FROM ({in_room(page_of(look), _TASK_SIZE)}) d ORDER BY id DESC"
    return await fetch_all(tx, TaskRecord, sql, limit=limit, **look.values)


async def look_tasks(
    tx: AsyncConnection, *, wanted: TaskFilter, before: TaskId | None, limit: int
) -> Found[TaskRecord]:
    """List tasks as `list_tasks` does; if there are fewer than `limit`, say whether it looked at all."""
    rows, look = await list_tasks(tx, wanted=wanted, before=before, limit=limit), _look_for_tasks(wanted, before)
    if was_cut(rows, limit, lambda row: len(row.input or b"") + len(row.result or b"")):
        return Found(rows, rows[-1].id)
    if len(rows) == limit or not look.tests:
        return Found(rows)
    return Found(rows, await read_end(tx, look=look, last=rows[-1].id if rows else None))


def _look_for_tasks(wanted: TaskFilter, before: TaskId | None) -> Look:
    values: dict[str, object] = {name: value for name in _TASK_TESTS if (value := getattr(wanted, name)) not in _ANY}
    tests = [_TASK_TESTS[name] for name in values]
    if wanted.metadata:
        values["metadata"] = json.dumps(dict(wanted.metadata))
    within = ["d.tenant_id = ringback_tenant_id()", KEPT_TASK, *["d.id < :before"] * (before is not None)]
    return Look("tasks", within, tests, values if before is None else {**values, "before": before})


async def read_delivery(tx: AsyncConnection, *, delivery_id: DeliveryId) -> DeliveryRecord | None:
    """Look up one delivery by its primary key, in the one partition that its ID names."""
    sql = f"{_DELIVERY} WHERE d.id = :id AND d.id >= {KEPT_FROM}"
    return await fetch_one(tx, DeliveryRecord, sql, id=delivery_id)


async def read_deliveries(tx: AsyncConnection, *, delivery_ids: Sequence[DeliveryId]) -> tuple[DeliveryRecord, ...]:
    """Look up deliveries of any tenant by the primary key, in the engine's role."""
    sql = f"{_DELIVERY} WHERE d.id = ANY(CAST(:ids AS UUID[])) ORDER BY d.id"
    return await fetch_all(tx, DeliveryRecord, sql, ids=list(delivery_ids))


async def list_deliveries(
    tx: AsyncConnection, *, wanted: DeliveryFilter, before: DeliveryId | None, limit: int, of_owner: bool = False
) -> tuple[DeliveryRecord, ...]:
    """List deliveries, newest first, by `deliveries_tenant_id_id_idx` or the index of the filter.

    What has failed is found by `deliveries_troubled_idx`, however rare it is among what has succeeded;
    what is pending by `deliveries_due_idx` where little waits, of whichever tenant. What is rare among all that the
    index finds is looked for in the first `LOOK_BACK` of them; `look_deliveries` tells where to go on.

    With `of_owner`, in a transaction that has an owner: by its endpoints (`endpoints_tenant_id_owner_id_idx`), of each
    the first ones (`deliveries_endpoint_id_id_idx`), so that the tenant's other deliveries are not looked at.
    """
    look = look_for(wanted, before, of_owner=of_owner)
    if _by_endpoint(wanted, of_owner=of_owner):
        sql = _FIRST_OF_EACH.format(" AND ".join([*look.within, *look.tests]))
    else:
        sql = f"{_SHOWN} FROM ({page_of(look)}) d {_WITH_ENDPOINT} ORDER BY d.id DESC"
    return await fetch_all(tx, DeliveryRecord, sql, limit=limit, **look.values)


async def look_deliveries(
    tx: AsyncConnection, *, wanted: DeliveryFilter, before: DeliveryId | None, limit: int, of_owner: bool = False
) -> Found[DeliveryRecord]:
    """List deliveries as `list_deliveries` does; if there are fewer than `limit`, say whether it looked at all."""
    rows = await list_deliveries(tx, wanted=wanted, before=before, limit=limit, of_owner=of_owner)
    look = look_for(wanted, before, of_owner=of_owner)
    if len(rows) == limit or not look.tests or _by_endpoint(wanted, of_owner=of_owner):
        return Found(rows)
    return Found(rows, await read_end(tx, look=look, last=rows[-1].id if rows else None))


def _by_endpoint(wanted: DeliveryFilter, *, of_owner: bool) -> bool:
    return of_owner and wanted.event_id is None and wanted.task_id is None


def look_for(wanted: DeliveryFilter, before: DeliveryId | None, *, of_owner: bool = False) -> Look:
    """Tell what an index serves from what none does.

    The planner is shown no more than it can know: it multiplies the shares that several tests let through, takes a
    page for the whole, and then reads and sorts all that there is instead of the first rows in the order of an index.
    """
    given: dict[str, object] = {
        name: value for name in _WITHIN | _TESTS if (value := getattr(wanted, name)) is not None
    }
    within = ["d.tenant_id = ringback_tenant_id()", f"d.id >= {KEPT_FROM}"]
    within += [_WITHIN[name] for name in given if name in _WITHIN]
    within += [_TROUBLED] * wanted.troubled
    if not _by_endpoint(wanted, of_owner=of_owner):  # deliveries_due_idx holds what waits of all owners
        within += [_WAITING] * (wanted.status == "pending")
    if before is not None:
        within.append("d.id < :before")
        given["before"] = before
    return Look("deliveries", within, [f"coalesce({_TESTS[name]}, false)" for name in given if name in _TESTS], given)


async def list_attempt_lines(tx: AsyncConnection, *, delivery_id: DeliveryId) -> tuple[AttemptLine, ...]:
    """List all attempts of a delivery in their order, without bodies and headers, by the primary key."""
    sql = """
    SELECT number, trigger, outcome, error, response_status, started_at
    FROM attempts WHERE delivery_id = :id ORDER BY number
    """
    return await fetch_all(tx, AttemptLine, sql, id=delivery_id)


_ATTEMPT_COLUMNS: Final = (
    "id, delivery_id, number, trigger, outcome, error, note, nullif(request_url, '') AS request_url, request_headers,"
    " request_body, response_status, response_headers, response_body, response_truncated, address, dns_ms, connect_ms,"
    " tls_ms, first_byte_ms, total_ms, started_at"
)
_ATTEMPT_SIZE: Final = "coalesce(octet_length(p.request_body), 0) + coalesce(octet_length(p.response_body), 0)"


async def list_attempts(
    tx: AsyncConnection, *, delivery_id: DeliveryId, after: AttemptId | None, limit: int
) -> tuple[AttemptRecord, ...]:
    """List a delivery's attempts in their order, by the primary key; all of them come with the event's body.

    That of a delivery that was replayed may be gone: events are dropped by the week of their own making. There are no
    more once the bodies come to `ROOM` bytes; `look_attempts` tells where to go on.
    """
    page = """
    SELECT a.*, e.body AS request_body
    FROM attempts a JOIN deliveries d ON d.id = a.delivery_id LEFT JOIN events e ON e.id = d.event_id
    WHERE a.delivery_id = :id AND d.id = :id AND a.number > coalesce(
        (SELECT number FROM attempts WHERE delivery_id = :id AND id = CAST(:after AS UUID)), 0)
    ORDER BY a.number LIMIT :limit
    """
    sql = f"SELECT {_ATTEMPT_COLUMNS} FROM ({in_room(page, _ATTEMPT_SIZE, order='number')}) a ORDER BY number"
    return await fetch_all(tx, AttemptRecord, sql, id=delivery_id, after=after, limit=limit)


async def look_attempts(
    tx: AsyncConnection, *, delivery_id: DeliveryId, after: AttemptId | None, limit: int
) -> Found[AttemptRecord]:
    """List attempts as `list_attempts` does, and say after which one there may be more than fitted in."""
    rows = await list_attempts(tx, delivery_id=delivery_id, after=after, limit=limit)
    cut = was_cut(rows, limit, lambda row: len(row.request_body or b"") + len(row.response_body or b""))
    return Found(rows, rows[-1].id if cut else None)
