"""Clients under load: what they were promised is on their disk before they go on.

Each of them sends events one after another, so that the order of acceptance is the order in which it was answered.
One third names its events, one third brings an `Idempotency-Key`, and both ask again until they are accepted; the last
third asks once.
"""

import random
import threading
from dataclasses import dataclass
from typing import Final, cast
from uuid import uuid4

import httpx

from core.clock import monotonic, unix_seconds
from tests.chaos.ledger import Ledger
from tests.chaos.tenant import TYPE, Tenant
from tests.support.pulse import Pulse

Json = dict[str, object]
CLIENTS: Final = 6
TASK_SHARE: Final = 0.1
LANES: Final = 4
"""Orders in which each client's events are to come."""
AGAIN_SHARE: Final = 0.05
"""How many accepted requests are sent a second time, under the same key."""
_PAUSE: Final = 0.2


@dataclass(slots=True)
class Wish:
    """What a client wants to be accepted; sent as often as it takes."""

    number: int
    kind: str
    path: str
    body: Json
    headers: dict[str, str]
    lane: str

    @property
    def keyed(self) -> bool:
        """Whether it may be sent again."""
        return self.kind != "once"


class Load:
    """Some clients, each a thread, that share a rate."""

    def __init__(self, ledger: Ledger, pulse: Pulse, *, rate: float, seed: int) -> None:
        self.seed: Final = seed
        self.pulse: Final = pulse
        self._ledger: Final = ledger
        self._gap: Final = CLIENTS / rate
        self._stopping: Final = threading.Event()
        self._threads: Final[list[threading.Thread]] = []
        self._lock: Final = threading.Lock()
        self.accepted_at: float = 0.0
        """Monotonic time of the latest acceptance."""
        self.accepted = 0

    def start(self, tenant: Tenant) -> None:
        """Begin, as this tenant."""
        for number in range(CLIENTS):
            draw = random.Random(self.seed * 100 + number)
            thread = threading.Thread(target=_Client(self, tenant, number, draw).run, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Send nothing new; what may be repeated is repeated until it is accepted."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(90)

    def wait(self, until: float) -> bool:
        """Wait until this monotonic time; tell whether to go on."""
        return not self._stopping.wait(max(0.0, until - monotonic()))

    @property
    def gap(self) -> float:
        """Seconds between two requests of one client."""
        return self._gap

    def note(self, row: Json) -> None:
        """Write an answer down."""
        self._ledger.write(row)
        if row["made"] is not None:
            with self._lock:
                self.accepted_at = monotonic()
                self.accepted += 1


class _Client:
    def __init__(self, load: Load, tenant: Tenant, number: int, draw: random.Random) -> None:
        self._load: Final = load
        self._tenant: Final = tenant
        self._number: Final = number
        self._draw: Final = draw

    def run(self) -> None:
        """Send until the load stops."""
        draw, gap = self._draw, self._load.gap
        next_at = monotonic() + draw.random() * gap
        number = 0
        with httpx.Client(timeout=10, trust_env=False, headers=self._tenant.headers) as http:
            while self._load.wait(next_at):
                next_at = max(next_at + gap, monotonic() - 1)
                number += 1
                wish = self._wish(number, draw)
                made = self._send_until_accepted(http, wish, draw)
                if made and wish.keyed and draw.random() < AGAIN_SHARE:
                    self._send_until_accepted(http, wish, draw)

    def _wish(self, number: int, draw: random.Random) -> Wish:
        kind = draw.choice(("named", "keyed", "once"))
        name = uuid4().hex
        headers = {"Idempotency-Key": f'"{name}"'} if kind == "keyed" else {}
        if draw.random() < TASK_SHARE:
            kind = "keyed" if kind == "named" else kind
            headers = {"Idempotency-Key": f'"{name}"'} if kind == "keyed" else {}
            task: Json = {"type": "math.divide", "input": {"x": number, "y": 4}, "webhook_url": self._tenant.task_url}
            task["metadata"] = {"name": name}
            return Wish(number, kind, "/v1/tasks", task, headers, "")
        lane = f"client-{self._number}-{number % LANES}"
        body: Json = {"type": TYPE, "data": {"client": self._number, "n": number, "name": name}, "ordering_key": lane}
        if kind == "named":
            body["id"] = name
        return Wish(number, kind, "/v1/events", body, headers, lane)

    def _send_until_accepted(self, http: httpx.Client, wish: Wish, draw: random.Random) -> bool:
        deadline = monotonic() + 120
        while monotonic() < deadline:
            status = self._send(http, wish, draw.choice(self._tenant.cluster.apis))
            if status in (202, 303):
                return True
            if not wish.keyed or (status and 400 <= status < 500 and status not in (409, 429)):
                return False
            threading.Event().wait(_PAUSE)
        return False

    def _send(self, http: httpx.Client, wish: Wish, api: str) -> int | None:
        url = f"http://127.0.0.1:{self._tenant.cluster.ports[api]}{wish.path}"
        before = monotonic()
        status, made, error, deliveries = None, None, None, None
        try:
            answer = http.post(url, json=wish.body, headers=wish.headers)
            status = answer.status_code
            if status in (202, 303):
                found = cast("Json", answer.json())
                made = str(found["id"] if wish.path == "/v1/events" else found["task_id"])
                deliveries = found.get("deliveries")
        except httpx.HTTPError as raised:
            error = type(raised).__name__
        after = monotonic()
        times = {"took": round(after - before, 3), "missed": round(self._load.pulse.missed(before, after), 3)}
        answered = {"status": status, "made": made, "error": error, "deliveries": deliveries}
        self._write(wish, {"api": api, **answered, **times})
        return status

    def _write(self, wish: Wish, answered: Json) -> None:
        self._load.note(
            {
                "at": unix_seconds(),
                "path": wish.path,
                "kind": wish.kind,
                "key": wish.body.get("id") or wish.headers.get("Idempotency-Key"),
                "lane": wish.lane or None,
                "data": wish.body.get("data"),
                **answered,
            }
        )
