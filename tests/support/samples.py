"""One valid row of each table."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Table, func

from core.model.ids import new_uuid7
from core.model.latency import SLOTS
from core.model.outcome import ErrorClass

BODY: Final = b'{"type":"order.paid","timestamp":"2026-01-01T00:00:00.000Z","data":{"n":1}}'
DATA: Final = b'{"n":1}'
URL: Final = "https://example.com/hook"

Make = Callable[[UUID, UUID], dict[str, object]]


def ago(seconds: float) -> ColumnElement[datetime]:
    """Return a time in the past, by the database's clock; a negative number is in the future."""
    moment: ColumnElement[datetime] = func.now() - timedelta(seconds=seconds)
    return moment


def sample(table: Table, tenant_id: UUID, unix_seconds: float) -> dict[str, object]:
    """Return the values of a new row; `unix_seconds` is the database's time, which the ID carries."""
    return _SAMPLES[table.name](new_uuid7(unix_seconds), tenant_id)


def own_column(table: Table) -> str:
    """Return the column that says whose row it is."""
    return "id" if table.name == "tenants" else "tenant_id"


def _endpoint(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    return {
        "id": id_,
        "tenant_id": tenant_id,
        "url": URL,
        "event_types": [],
        "signature": "hmac",
        "max_in_flight": 50,
        "ordering": "none",
        "status": "enabled",
    }


def _event(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    return {
        "id": id_,
        "tenant_id": tenant_id,
        "type": "order.paid",
        "timestamp": func.now(),
        "body": BODY,
        "data_offset": BODY.index(DATA),
        "data_length": len(DATA),
    }


def _delivery(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    return {
        "id": id_,
        "tenant_id": tenant_id,
        "event_id": uuid4(),
        "event_type": "order.paid",
        "endpoint_id": id_,
        "lane": id_,
        "status": "pending",
        "trigger": "first",
        "due_at": ago(1),
    }


def _attempt(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    return {
        "delivery_id": id_,
        "number": 1,
        "id": id_,
        "tenant_id": tenant_id,
        "trigger": "first",
        "outcome": "succeeded",
        "request_url": URL,
        "request_headers": {},
        "started_at": func.now(),
        "transaction": 1,
    }


def _task(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    return {
        "id": id_,
        "tenant_id": tenant_id,
        "type": "math.divide",
        "queue": "default",
        "status": "PENDING",
        "input": b'{"x":1,"y":4}',
        "due_at": ago(1),
        "max_attempts": 1,
    }


def _key(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    drawn = {"hash": uuid4().bytes * 2, "last_four": "abcd"}
    return {"id": id_, "tenant_id": tenant_id, "name": "key", "scopes": ["tasks:read"], **drawn}


def _dedupe(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    given: dict[str, object] = {"kind": "event", "key": str(id_), "fingerprint": bytes(32), "made": {}}
    return {"tenant_id": tenant_id, "expires_at": ago(-60), **given}


def _task_type(id_: UUID, _tenant_id: UUID) -> dict[str, object]:
    schemas: dict[str, object] = {"input_schema": {}, "output_schema": {}, "retry_policy": {"max_attempts": 1}}
    limits = {"soft_time_limit": 10, "hard_time_limit": 20}
    return {"name": f"tests.{id_}", "fingerprint": "f", "description": "", "queue": "default", **schemas, **limits}


def _marker(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    return {"task_id": id_, "tenant_id": tenant_id, "name": "mail", "run": 1, "value": b"null"}


def _rollup(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    counts = dict.fromkeys(("succeeded", "failed", "unknown", *(error.value for error in ErrorClass)), 0)
    return {"lane": id_, "bucket": ago(0), "tenant_id": tenant_id, "latencies": [0] * SLOTS, **counts}


def _link(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    drawn = {"hash": uuid4().bytes * 2, "expires_at": ago(-60)}
    return {"id": id_, "tenant_id": tenant_id, "owner": "a", "role": "partner", **drawn}


def _session(id_: UUID, tenant_id: UUID) -> dict[str, object]:
    drawn = {"hash": uuid4().bytes * 2, "expires_at": ago(-60)}
    return {"id": id_, "tenant_id": tenant_id, "key_id": id_, **drawn}


_SAMPLES: Final[Mapping[str, Make]] = {
    "tenants": lambda id_, tenant_id: {"id": tenant_id, "slug": f"t-{id_.hex}", "name": "Acme"},
    "secrets": lambda id_, tenant_id: {"id": id_, "tenant_id": tenant_id, "kind": "hmac", "sealed": b"sealed"},
    "event_types": lambda id_, tenant_id: {"tenant_id": tenant_id, "name": str(id_)},
    "api_keys": _key,
    "dedupe": _dedupe,
    "endpoints": _endpoint,
    "events": _event,
    "deliveries": _delivery,
    "leases": lambda id_, _: {"lane": id_, "delivery_id": id_, "until": ago(-60)},
    "attempts": _attempt,
    "tasks": _task,
    "task_types": _task_type,
    "task_markers": _marker,
    "rollups": _rollup,
    "portal_links": _link,
    "sessions": _session,
}
