"""What the product claims, read through its API once nothing moves any more."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, cast

import httpx

from core.clock import monotonic
from tests.chaos.cluster import APIS, pause
from tests.chaos.ledger import Ledger
from tests.chaos.tenant import Tenant

Json = dict[str, object]
_READERS: Final = 3
_FEW: Final = 5_000
_ONE_IN: Final = 10
_ONLY_ATTEMPT: Final[Json] = {
    "number": 1,
    "trigger": "first",
    "outcome": "succeeded",
    "error": None,
    "note": None,
    "started_at": None,
}
"""What the export says of a delivery that succeeded at once."""
_OPEN: Final = ("pending", "retrying")
_TASKS_OPEN: Final = ("PENDING", "STARTED", "PROGRESS", "RETRY")


class Exporter:
    """Reads a tenant's log with a few clients at once."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant: Final = tenant
        self._headers: Final = tenant.headers
        self._client: Final = httpx.Client(timeout=30, trust_env=False)  # safe from several threads

    def close(self) -> None:
        """Read nothing more."""
        self._client.close()

    def wait_for_rest(self, within: float) -> float | None:
        """Wait until every delivery and every task has ended; return the seconds that it took, if it did."""
        began = monotonic()
        while monotonic() - began < within:
            try:
                if not any(self._waits()):
                    return monotonic() - began
            except httpx.HTTPError:
                pass
            pause(0.25)
        return None

    def left(self) -> list[str]:
        """Name some of what has not ended."""
        return list(self._waits())

    def write(self, ledger: Ledger) -> None:
        """Write everything down."""
        deliveries = list(self._export())
        with ThreadPoolExecutor(_READERS) as pool:
            attempts = pool.map(self._attempts, deliveries, _in_full(deliveries))
            rows = [
                {"what": "delivery", **one, "attempts": tried} for one, tried in zip(deliveries, attempts, strict=True)
            ]
        events = [{"what": "event", **_picked(one, ("id", "client_id", "data"))} for one in self._pages("/v1/events")]
        columns = ("task_id", "status", "attempts", "metadata", "error")
        tasks = [{"what": "task", **_picked(one, columns)} for one in self._pages("/v1/tasks")]
        stats = [self._stats(one.id, one.path) for one in self._tenant.endpoints]
        ledger.write(*rows, *events, *tasks, *(one for one in stats if one))

    def _waits(self) -> Iterator[str]:
        for status in _OPEN:
            for one in self._list("/v1/deliveries", status=status, limit="3"):
                yield f"{one['id']} {status} {one['waiting_for']}"
        for status in _TASKS_OPEN:
            yield from (f"{one['task_id']} {status}" for one in self._list("/v1/tasks", status=status, limit="3"))

    def _list(self, path: str, **params: str) -> Sequence[Json]:
        return cast("list[Json]", self._get(path, params)["data"])

    def _pages(self, path: str) -> Iterator[Json]:
        cursor: dict[str, str] = {}
        while True:
            page = self._get(path, {"limit": "200", **cursor})
            yield from cast("list[Json]", page["data"])
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": str(page["next_cursor"])}

    def _export(self) -> Iterator[Json]:
        url = f"{self._base(0)}/v1/deliveries/export"
        with httpx.stream("GET", url, headers=self._headers, timeout=60, trust_env=False) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                if line:
                    yield cast("Json", json.loads(line))

    def _attempts(self, delivery: Json, in_full: bool) -> list[Json]:  # noqa: FBT001 - `map` gives it
        if not in_full:
            return [dict(_ONLY_ATTEMPT)]
        delivery_id = str(delivery["id"])
        found = cast("list[Json]", self._get(f"/v1/deliveries/{delivery_id}/attempts", {})["data"])
        return [_picked(one, ("number", "trigger", "outcome", "error", "note", "started_at")) for one in found]

    def _stats(self, endpoint_id: str, path: str) -> Json | None:
        try:
            stats = self._get(f"/v1/endpoints/{endpoint_id}/stats", {})
        except httpx.HTTPStatusError:  # it was deleted
            return None
        return {"what": "stats", "path": path, "counted": cast("dict[str, Json]", stats["windows"])["7d"]["attempts"]}

    def _get(self, path: str, params: dict[str, str]) -> Json:
        answer = self._client.get(f"{self._base(len(path))}{path}", params=params, headers=self._headers)
        return cast("Json", answer.raise_for_status().json())

    def _base(self, turn: int) -> str:
        running = [name for name in APIS if name in self._tenant.cluster.processes]
        return f"http://127.0.0.1:{self._tenant.cluster.ports[running[turn % len(running)]]}"


def _in_full(deliveries: Sequence[Json]) -> Sequence[bool]:
    """Tell whose attempts to read one by one: of many deliveries that took one attempt, some are enough."""
    few = len(deliveries) <= _FEW
    return [few or not _is_simple(one) or number % _ONE_IN == 0 for number, one in enumerate(deliveries)]


def _is_simple(delivery: Json) -> bool:
    return delivery["status"] == "succeeded" and delivery["attempt_count"] == 1


def _picked(found: Json, names: Sequence[str]) -> Json:
    return {name: found.get(name) for name in names}
