"""Pulls for an endpoint, and brings what it gets to the sink, as `ringback listen` does."""

import threading
from contextlib import suppress
from typing import Final, cast

import httpx

from core.clock import monotonic
from tests.support.repeating import answered

PATIENCE: Final = 1.0
"""Seconds for an answer of the sink, as the endpoints' timeout is."""
OVER: Final = frozenset({404, 409})
"""Answers to who pulls from an endpoint that is deleted or disabled."""
Json = dict[str, object]


class Puller:
    """A thread that pulls, one by one, until the endpoint is gone or it is stopped."""

    def __init__(self, client: httpx.Client, tenant: str, endpoint: str, url: str) -> None:
        self._client: Final = client
        self._headers: Final = {"Ringback-Tenant": tenant}
        self._path: Final = f"/v1/endpoints/{endpoint}"
        self._url: Final = url
        self._stopping: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; what it has pulled is acknowledged before."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(timeout=PATIENCE, trust_env=False) as local:
            while not self._stopping.is_set():
                answer = self._post("/pull", {"max": 1, "wait": 1})
                if answer.status_code in OVER:
                    return
                for pulled in cast("list[Json]", answer.raise_for_status().json()["data"]):
                    self._bring(local, pulled)

    def _bring(self, local: httpx.Client, pulled: Json) -> None:
        request = cast("Json", pulled["request"])
        became: Json = {"error": "connect"}
        started = monotonic()
        with suppress(httpx.TransportError):
            answer = local.post(
                self._url, content=str(request["body"]).encode(), headers=cast("dict[str, str]", request["headers"])
            )
            became = {"status": answer.status_code}
        spent = (monotonic() - started) * 1000
        self._post("/ack", {"acks": [{"claim": pulled["claim"], "duration_ms": spent, **became}]})

    def _post(self, action: str, body: Json) -> httpx.Response:
        return answered(self._client, "POST", f"{self._path}{action}", body=body, headers=self._headers)
