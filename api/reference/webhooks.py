"""The `webhooks` section: the requests that receivers get (Standard Webhooks 1.0.0)."""

from collections.abc import Mapping
from typing import Final, cast

from api.reference.examples import MOMENT, Examples, Json

_TASK: Final = "TaskEventData"
_EVENTS: Final[Mapping[str, tuple[str | None, str]]] = {
    "task.started": (_TASK, "A run of a task has started."),
    "task.retried": (_TASK, "A run of a task has failed, and another will follow."),
    "task.succeeded": (_TASK, "A task has ended well. A result over 16 KiB is `null` here; `links.result` has it."),
    "task.failed": (_TASK, "A task has failed for good."),
    "task.revoked": (_TASK, "A task was cancelled, or waited too long."),
    "endpoint.failing": ("EndpointOut", "An endpoint has only failed for a while, and will be disabled if it goes on."),
    "endpoint.disabled": (
        "EndpointOut",
        "The platform has disabled an endpoint: it said 410, or only failed for days.",
    ),
    "delivery.exhausted": ("DeliveryOut", "A delivery has used up its schedule and is given up."),
    "order.paid": (None, "An event of a client, of whatever type the client gave it, with its data as it was sent."),
}
"""Each event by its type: the schema of its data, and what it tells."""
_SHOWN: Final[Mapping[str, Json]] = {
    "task.started": {"status": "STARTED", "result": None, "finished_at": None},
    "task.retried": {"status": "RETRY", "result": None, "finished_at": None},
    "task.failed": {
        "status": "FAILURE",
        "result": None,
        "error": {"code": "division_by_zero", "title": "Division by zero", "detail": "y is 0."},
    },
    "task.revoked": {"status": "REVOKED", "result": None, "started_at": None},
    "endpoint.disabled": {"status": "disabled", "disabled_reason": "gone"},
    "delivery.exhausted": {"status": "exhausted", "last_response_code": 503},
}
"""What is different in the example of an event."""
_ONLY_ASKED: Final = " It goes only to endpoints that ask for it by name, and never to the one that it is about."
_SIGNATURE: Final = (
    "`v1,<base64 HMAC-SHA256>` or `v1a,<base64 ed25519>` over `<webhook-id>.<webhook-timestamp>.<body>`; several, with "
    "a space between, while a secret is rotated. One that fits is enough."
)
_HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    "webhook-id": (
        "evt_01jz8f6kq3e5v9t2w4x6y8z0ab",
        "The event's ID: the same in every attempt, so that a receiver that keeps it takes each event once.",
    ),
    "webhook-timestamp": ("1769860800", "Unix seconds of this attempt. Refuse what is older than five minutes."),
    "webhook-signature": ("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", _SIGNATURE),
}
_ANSWERS: Final[Json] = {
    "2XX": {"description": "Delivered. Nothing of the body is needed."},
    "410": {"description": "Not wanted any more: the endpoint is disabled, and this delivery ends as `gone`."},
    "default": {
        "description": (
            "Everything else, redirects too, is tried again on the endpoint's schedule; `Retry-After` on 429 and 503 "
            "moves the next attempt. The header `webhook-delivery: abort-message` ends this delivery instead."
        )
    },
}


def add_webhooks(document: Json) -> None:
    """Describe every event that the platform sends, and those of clients."""
    components = cast("dict[str, Json]", document["components"])
    components["schemas"][_TASK] = _task_event(cast("Json", components["schemas"]["TaskOut"]))
    components["parameters"] = {name: _header(name) for name in _HEADERS}
    examples = Examples(document)
    document["webhooks"] = {name: {"post": _request(name, examples)} for name in _EVENTS}


def _task_event(task: Json) -> Json:
    """Return the task as `GET` shows it, without `input`."""
    properties = cast("Json", task["properties"])
    return {
        **task,
        "title": _TASK,
        "description": "The task as `GET` shows it, without `input`.",
        "properties": {name: one for name, one in properties.items() if name != "input"},
        "required": [name for name in cast("list[str]", task["required"]) if name != "input"],
    }


def _header(name: str) -> Json:
    example, description = _HEADERS[name]
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def _request(name: str, examples: Examples) -> Json:
    data, told = _EVENTS[name]
    asked = _ONLY_ASKED if name.startswith(("endpoint.", "delivery.")) else ""
    schema: Json = {"$ref": f"#/components/schemas/{data}"} if data else {"description": "What the client sent."}
    shown = cast("Json", examples.of(schema)) | _SHOWN.get(name, {}) if data else {"order": 42, "amount": "19.90"}
    return {
        "operationId": f"receive_{name.replace('.', '_')}" if data else "receive_event",
        "summary": name if data else "any event of a client",
        "description": told + asked,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/{header}"} for header in _HEADERS],
        "requestBody": {
            "required": True,
            "content": {"application/json": _body(name if data else None, schema, shown)},
        },
        "responses": _ANSWERS,
    }


def _body(name: str | None, data: Json, shown: object) -> Json:
    type_: Json = {"const": name} if name else {"type": "string", "examples": ["order.paid"]}
    properties = {"type": type_, "timestamp": {"type": "string", "format": "date-time"}, "data": data}
    return {
        "schema": {"type": "object", "required": list(properties), "properties": properties},
        "example": {"type": name or "order.paid", "timestamp": MOMENT, "data": shown},
    }
