"""A tenant with a bit of everything, made by a real run: what the dashboard's tests and pictures show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import httpx

from cli.embedded.ports import free_port
from tests.support.answers import Answer, hang
from tests.support.stack import Stack, eventually
from tests.support.stores import ask
from tests.support.threaded import ThreadedReceiver

OWNER: Final = "northwind"
OTHER: Final = "globex"
HUGE: Final = 70_000
RECEIVERS: Final[Mapping[str, Answer]] = {
    "/orders": Answer(200, {"content-type": "application/json"}, b'{"received":true,"queue":"orders"}', delay=0.02),
    "/fulfilment": Answer(202, body=b"queued", delay=0.12),
    "/analytics": Answer(204, delay=0.3),
    "/invoices": Answer(503, {"retry-after": "30"}, b"upstream is being deployed"),
    "/crm": Answer(500, {"content-type": "application/json"}, b'{"error":"duplicate key value","trace":"ab12"}'),
    "/gone": Answer(410, body=b"this hook was removed"),
    "/slow": hang(),
    "/headers": Answer(200, {"x-filler": "f" * HUGE}),
    "/garbage": Answer(raw=b"\x15\x03\x01 this is not HTTP\r\n\r\n"),
}
ENDPOINTS: Final[Mapping[str, tuple[str, dict[str, object]]]] = {
    "orders": ("{receiver}/orders", {"description": "Order service", "event_types": ["order.*", "task.*"]}),
    "fulfilment": ("{receiver}/fulfilment", {"description": "Warehouse", "event_types": ["order.shipped"]}),
    "analytics": ("{receiver}/analytics", {"event_types": ["customer.*"], "owner": OWNER}),
    "invoices": ("{receiver}/invoices", {"event_types": ["invoice.*"], "owner": OWNER}),
    "crm": (
        "{receiver}/crm",
        {"description": "CRM", "event_types": ["customer.updated"], "owner": OWNER, "headers": {"X-Team": "growth"}},
    ),
    "slow": ("{receiver}/slow", {"description": "Reporting", "event_types": ["order.refunded"], "timeout": 1}),
    "headers": ("{receiver}/headers", {"owner": OTHER}),
    "garbage": ("{receiver}/garbage", {}),
    "tls": ("{api}/hook", {}),
    "closed": ("{closed}/hook", {"description": "Staging"}),
    "lost": ("http://webhooks.northwind-traders-7f3a9c.com/in", {"owner": OWNER}),
    "blocked": ("{receiver}/orders?old", {}),
    "gone": ("{receiver}/gone", {"description": "Old shop, switched off"}),
    "paused": ("{receiver}/orders?paused", {"description": "Under repair"}),
}
"""Where each is, and what is said of it; untold, it wants `order.paid`."""
SCHEMA: Final = {
    "type": "object",
    "required": ["order", "amount"],
    "properties": {"order": {"type": "integer"}, "amount": {"type": "number"}, "currency": {"enum": ["EUR", "USD"]}},
}
EXAMPLE: Final = {"order": 1042, "amount": 129.9, "currency": "EUR", "items": [{"sku": "A-17", "count": 2}]}


@dataclass(frozen=True)
class Showcase:
    """The tenant, and keys for each kind of person who looks at it."""

    stack: Stack
    slug: str
    keys: dict[str, str]
    endpoints: dict[str, str] = field(default_factory=dict[str, str])
    tasks: dict[str, str] = field(default_factory=dict[str, str])
    gates: Path = Path()

    @property
    def url(self) -> str:
        """Where the API is."""
        return str(self.stack.client.base_url).rstrip("/")

    def post(self, path: str, body: object, **headers: str) -> dict[str, str]:
        """Make something."""
        answer = self.stack.client.post(path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return cast("dict[str, str]", answer.json())

    def portal_link(self, owner: str, role: str = "partner") -> str:
        """Make a portal link; return its URL."""
        return f"{self.url}{self.post('/v1/portal-links', {'owner': owner, 'role': role})['url']}"


def furnish(stack: Stack, receiver: ThreadedReceiver, gates: Path) -> Showcase:
    """Make everything, and return once each class of failure has been recorded and a task is in progress."""
    stack.make_tenant("acme")
    stack.client.patch("/v1/tenants/acme", json={"name": "Acme Commerce"}).raise_for_status()
    show = Showcase(stack, "acme", _keys(stack), gates=gates)
    for path, answer in RECEIVERS.items():
        receiver.script(answer, path=path)
    _endpoints(show, receiver.receiver.port)
    _catalogue(show)
    _events(show)
    _tasks(show, receiver.receiver.port)
    eventually(lambda: _check(show), within=120)
    return show


def _keys(stack: Stack) -> dict[str, str]:
    wishes: dict[str, dict[str, object]] = {
        "developer": {"name": "Backend (production)", "role": "admin"},
        "client": {"name": "Checkout service", "role": "client"},
        "inspector": {"name": "Support desk", "role": "inspector"},
        "partner": {"name": "Northwind", "role": "partner", "owner": OWNER},
    }
    made = {name: stack.client.post("/v1/keys", json=wish).raise_for_status().json() for name, wish in wishes.items()}
    return {"operator": stack.operator_key, **{name: str(one["key"]) for name, one in made.items()}}


def _endpoints(show: Showcase, port: int) -> None:
    soon = {"retry_policy": {"schedule": [1]}}  # given up before the breaker holds the rest back
    where = {"receiver": f"http://127.0.0.1:{port}", "api": f"https://127.0.0.1:{show.stack.port}"}
    where["closed"] = f"http://127.0.0.1:{free_port()}"
    for name, (place, wish) in ENDPOINTS.items():
        url = place.format_map(where)
        show.endpoints[name] = show.post("/v1/endpoints", {**soon, "event_types": ["order.paid"], "url": url, **wish})[
            "id"
        ]
    show.post(f"/v1/endpoints/{show.endpoints['paused']}/pause", {})
    # No name can be made to resolve to what is forbidden on every machine: the row says it, and the guard refuses it.
    database = show.stack.env["RINGBACK_DATABASE_URL"]
    ask(database, "SET ROLE ringback_engine; UPDATE endpoints SET url = 'http://10.0.0.7/hook' WHERE url LIKE '%?old'")


def _catalogue(show: Showcase) -> None:
    for name, body in {
        "order.paid": {"description": "An order was paid for in full.", "schema": SCHEMA, "example": EXAMPLE},
        "order.shipped": {"description": "A parcel left the warehouse.", "example": {"order": 1042, "carrier": "DHL"}},
        "customer.created": {"description": "Somebody signed up."},
    }.items():
        show.stack.client.put(f"/v1/event-types/{name}", json=body).raise_for_status()


def _events(show: Showcase) -> None:
    paid = [{"type": "order.paid", "data": {**EXAMPLE, "order": 1000 + n}, "id": f"order-{n}"} for n in range(6)]
    shipped = [{"type": "order.shipped", "data": {"order": 900 + n, "carrier": "DHL"}} for n in range(40)]
    show.post("/v1/events/batch", [*shipped, *rare(4), *paid])


def rare(count: int) -> list[dict[str, object]]:
    """Return events of each type that goes to one endpoint alone, most of them in trouble."""
    types = ("customer.created", "customer.updated", "invoice.created", "order.refunded")
    return [{"type": name, "data": {"customer": f"c-{n}", "plan": "pro"}} for n in range(count) for name in types]


def _tasks(show: Showcase, port: int) -> None:
    respond = {"Prefer": "respond-async"}
    wanted: Mapping[str, dict[str, object]] = {
        "running": {"type": "tests.gated", "input": {"gates": str(show.gates)}},
        "done": {
            "type": "words.count",
            "input": {"text": "to be or not to be"},
            "webhook_url": f"http://127.0.0.1:{port}/orders",
        },
        "failed": {"type": "math.divide", "input": {"x": 1, "y": 0}, "metadata": {"order": "1042"}},
        "report": {"type": "reports.generate", "input": {"user_id": 7, "version": "2026-01", "steps": 3}},
        "later": {"type": "demo.sleep", "input": {"seconds": 1}, "delay": 3600},
    }
    Path(show.gates, "progress").touch()
    for name, wish in wanted.items():
        show.tasks[name] = show.post("/v1/tasks", wish, **respond)["task_id"]


WANTED: Final = {"timeout", "connect", "tls", "blocked_address", "too_large", "protocol", "http_status"}
"""Each class of failure, but for `dns`: where no name server is reached at all, that one is a `timeout`."""


def _check(show: Showcase) -> None:
    """Raise `AssertionError` until the run has brought what is to be shown."""
    client: httpx.Client = show.stack.client
    stats = client.get("/v1/stats").raise_for_status().json()
    found = {name for name, count in stats["total"]["errors"].items() if count}
    assert found >= WANTED, f"not yet: {WANTED - found}"
    running = client.get(f"/v1/tasks/{show.tasks['running']}").raise_for_status().json()
    assert running["status"] == "PROGRESS"
    ended = [client.get(f"/v1/tasks/{show.tasks[name]}").json()["status"] for name in ("done", "failed", "report")]
    assert ended == ["SUCCESS", "FAILURE", "SUCCESS"]
    exhausted = client.get("/v1/deliveries", params={"status": "exhausted"}).raise_for_status().json()["data"]
    assert len(exhausted) >= 3
