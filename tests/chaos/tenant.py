"""The tenant of one round: its key, its endpoints, and what they are to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast
from uuid import uuid4

import httpx

from core.clock import monotonic, unix_seconds
from tests.chaos.cluster import APIS, SCHEDULE, TIMEOUT, Cluster, pause
from tests.chaos.sink import ChaosSink
from tests.model.history import Secret

Json = dict[str, object]
TYPE: Final = "order.paid"
RECOVERS_WITHIN: Final = 10.0
"""Seconds after the end of a fault in which the API answers again."""
TASKS: Final = "tasks"
"""The receiver of the tasks' own callbacks."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint; `path` names it at the sink."""

    id: str
    path: str
    ordered: bool
    wants: bool = True
    """Whether every accepted event has to reach it."""
    secrets: list[Secret] = field(default_factory=list[Secret])


class Tenant:
    """Acts as one tenant, with a key of its own, by whichever API process answers."""

    def __init__(self, cluster: Cluster, sink: ChaosSink, slug: str) -> None:
        self.cluster: Final = cluster
        self.sink: Final = sink
        self.slug: Final = slug
        self._operator = {"Authorization": f"Bearer {cluster.operator_key}"}
        self.call("POST", "/v1/tenants", {"slug": slug, "name": slug}, headers=self._operator)
        made = self.call(
            "POST", "/v1/keys", {"name": "chaos", "role": "admin"}, headers={**self._operator, "Ringback-Tenant": slug}
        )
        self.headers: Final = {"Authorization": f"Bearer {made['key']}"}
        self.default_secret: Final = str(self.call("GET", "/v1/secret")["secret"])
        self.endpoints: Final[list[Endpoint]] = []

    def call(self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Json:
        """Call the API until a process answers with a 2xx or 3xx, as long as it may take to recover.

        Raises:
            httpx.HTTPError: none does.
        """
        keyed = {"Idempotency-Key": f'"{uuid4().hex}"'} if method == "POST" else {}
        own = {**(headers or self.headers), **keyed}
        deadline = monotonic() + RECOVERS_WITHIN
        while True:
            for name in (name for name in APIS if name in self.cluster.processes):
                url = f"http://127.0.0.1:{self.cluster.ports[name]}{path}"
                try:
                    answer = httpx.request(method, url, json=body, headers=own, timeout=30, trust_env=False)
                    if answer.status_code >= 400:
                        answer.raise_for_status()
                except httpx.HTTPError:
                    if monotonic() > deadline:
                        raise
                    continue
                return cast("Json", answer.json()) if answer.content else {}
            pause(0.2)

    def register(self, path: str, behaviour: str = "200", *, wants: bool = True, **more: object) -> Endpoint:
        """Register an endpoint whose receiver behaves so; of two of one name each has a place of its own."""
        place = f"{self.slug}-{path}"
        if place in {one.path for one in self.endpoints}:
            place = f"{self.slug}-{len(self.endpoints)}-{path}"
        self.sink.behave(place, behaviour)
        wanted: Json = {
            "url": self.sink.url(place),
            "event_types": [TYPE],
            "timeout": TIMEOUT,
            "retry_policy": {"schedule": list(SCHEDULE)},
            **more,
        }
        if more.get("mode") == "pull":
            del wanted["url"]
        since = unix_seconds()
        made = self.call("POST", "/v1/endpoints", wanted)
        one = Endpoint(str(made["id"]), place, more.get("ordering") == "fifo", wants)
        if isinstance(made["secret"], str):
            one.secrets.append(Secret(text=made["secret"], since=since))
        self.endpoints.append(one)
        return one

    def rotate(self, one: Endpoint, overlap: int) -> None:
        """Rotate a secret; the old one goes on signing for the overlap."""
        last, before = one.secrets[-1], unix_seconds()
        fresh = self.call("POST", f"/v1/endpoints/{one.id}/secret/rotate", {"overlap": overlap})
        one.secrets[-1] = Secret(text=last.text, since=last.since, until=before + overlap)
        one.secrets.append(Secret(text=str(fresh["secret"]), since=unix_seconds()))

    @property
    def task_url(self) -> str:
        """Where tasks call back."""
        return self.sink.url(f"{self.slug}-{TASKS}")
