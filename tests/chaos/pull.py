"""Clients that fetch: each request that they are handed is on the disk before they acknowledge it.

Some of what they get they refuse, and some they drop, as a client that dies does; the first time only.
"""

import random
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, cast
from zlib import crc32

import httpx

from core.clock import unix_seconds
from tests.chaos.ledger import Ledger
from tests.chaos.tenant import Endpoint, Tenant

Json = dict[str, object]
PULLERS: Final = 2
REFUSED: Final = 150
"""One event in so many is refused the first time."""
DROPPED: Final = 400
"""One event in so many is not acknowledged the first time: in an order, the others wait for its lease to run out."""
MAY_SAY: Final = frozenset({200, 429, 503, None})
TIMEOUT: Final = 10
_BATCH: Final = 20
_PAUSE: Final = 0.2


class Puller:
    """A client of one endpoint; runs in a thread of its own."""

    def __init__(self, tenant: Tenant, endpoint: Endpoint, ledger: Ledger, seed: int) -> None:
        self.found: Final[list[str]] = []
        """What it was answered that must not be."""
        self._tenant: Final = tenant
        self._endpoint: Final = endpoint
        self._ledger: Final = ledger
        self._draw: Final = random.Random(seed)
        self._stopping: Final = threading.Event()
        self._known: Final[set[object]] = set()

    def stop(self) -> None:
        """Fetch nothing more."""
        self._stopping.set()

    def run(self) -> None:
        """Fetch, write down, acknowledge, until it is stopped; the thread's function."""
        with httpx.Client(timeout=TIMEOUT, trust_env=False, headers=self._tenant.headers) as http:
            while not self._stopping.is_set():
                pulled = self._ask(http, "pull", {"max": _BATCH, "wait": 1})
                if pulled is None:
                    self._stopping.wait(_PAUSE)
                elif pulled:
                    self._take(http, pulled)

    def _take(self, http: httpx.Client, pulled: Sequence[Json]) -> None:
        answers = [self._answer(one) for one in pulled]
        self._ledger.write(*(self._seen(one, status) for one, status in zip(pulled, answers, strict=True)))
        acks = [
            {"claim": one["claim"], "status": status}
            for one, status in zip(pulled, answers, strict=True)
            if status is not None
        ]
        while acks and self._ask(http, "ack", {"acks": acks}) is None and not self._stopping.wait(_PAUSE):
            pass  # whether it was recorded is not known: it is said again

    def _answer(self, pulled: Json) -> int | None:
        event = pulled["event_id"]
        first = event not in self._known
        self._known.add(event)
        chance = crc32(str(event).encode())
        if first and chance % DROPPED == 1:
            return None
        return 500 if first and chance % REFUSED == 0 else 200

    def _seen(self, pulled: Json, status: int | None) -> Json:
        request = cast("Json", pulled["request"])
        headers = cast("dict[str, str]", request["headers"])
        return {
            "endpoint": self._endpoint.path,
            "id": headers["webhook-id"],
            "at": unix_seconds(),
            "headers": headers,
            "body": str(request["body"]).encode().decode("latin-1"),
            "status": status,
        }

    def _ask(self, http: httpx.Client, what: str, body: Json) -> Sequence[Json] | None:
        """Ask one of the API processes; return what it gave, `None` if it gave nothing."""
        cluster = self._tenant.cluster
        port = cluster.ports[self._draw.choice(cluster.apis)]
        status = None
        try:
            answer = http.post(f"http://127.0.0.1:{port}/v1/endpoints/{self._endpoint.id}/{what}", json=body)
            status = answer.status_code
            if status == 200:
                return cast("list[Json]", answer.json()["data"])
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            self.found.append(f"p13_the_edge_is_honest: {what} was not answered for {TIMEOUT} s")
        except httpx.HTTPError:
            pass
        if status not in MAY_SAY:
            self.found.append(f"p13_the_edge_is_honest: {what} was answered {status}")
        return None


@contextmanager
def pulling(tenant: Tenant, endpoint: Endpoint, ledger: Ledger, seed: int) -> Generator[list[str]]:
    """Let some clients fetch until the block ends; yields what must not be, complete once it has ended."""
    found: list[str] = []
    pullers = [Puller(tenant, endpoint, ledger, seed + number) for number in range(PULLERS)]
    threads = [threading.Thread(target=one.run, name="puller", daemon=True) for one in pullers]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for one in pullers:
            one.stop()
        for thread in threads:
            thread.join(30)
        found += [one for puller in pullers for one in puller.found]
