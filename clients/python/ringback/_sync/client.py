"""The client, and what hangs on it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from ringback._sync.deliveries import Deliveries
from ringback._sync.endpoints import Endpoints
from ringback._sync.events import Events, EventTypes
from ringback._sync.portal_links import PortalLinks
from ringback._sync.tasks import Tasks, TaskTypes
from ringback._sync.tenants import DefaultSecret, Keys, Tenants
from ringback._sync.wire import Wire
from ringback.account import headers_of, url_of
from ringback.answers import path
from ringback.generated.models import StatsOut
from ringback.generated.params import ReadTenantStatsParametersQuery
from ringback.retries import Retry

T = TypeVar("T")


class Ringback:
    """A client of one Ringback, for one API key; safe to share.

    `api_key` and `base_url` are those of the environment (`RINGBACK_API_KEY`, `RINGBACK_URL`) unless told. `tenant` is
    for the operator's key alone: whom it acts for. `timeout` is in seconds, for each try. `http` is a client of httpx
    to use, with proxies or certificates of its own; who brings it closes it.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        tenant: str | None = None,
        timeout: float = 30.0,
        retry: Retry | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        headers = headers_of(api_key, tenant)
        self._http = http or httpx.Client()
        self._owned = http is None
        self._wire = Wire(self._http, url_of(base_url), headers, timeout=timeout, retry=retry or Retry())
        self.tasks = Tasks(self._wire)
        self.task_types = TaskTypes(self._wire)
        self.events = Events(self._wire)
        self.event_types = EventTypes(self._wire)
        self.endpoints = Endpoints(self._wire)
        self.deliveries = Deliveries(self._wire)
        self.portal_links = PortalLinks(self._wire)
        self.tenants = Tenants(self._wire)
        self.keys = Keys(self._wire)
        self.secret = DefaultSecret(self._wire)

    def stats(self, **window: Unpack[ReadTenantStatsParametersQuery]) -> StatsOut:
        """Return how the tenant is: attempts over time, latencies, what waits, which endpoints fail."""
        return self._wire.request("GET", path("stats"), into=StatsOut, params={**window})

    def request(
        self,
        method: str,
        path: str,
        *,
        into: type[T],
        json: object = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        """Call any operation of the API, with the same retries, keys and errors; `into` is a generated model."""
        return self._wire.request(
            method, path, into=into, json=json, params=params, headers=headers, idempotency_key=idempotency_key
        )

    def close(self) -> None:
        """Close its connections."""
        if self._owned:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
