"""The client, and what hangs on it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from ringback._async.deliveries import AsyncDeliveries
from ringback._async.endpoints import AsyncEndpoints
from ringback._async.events import AsyncEvents, AsyncEventTypes
from ringback._async.portal_links import AsyncPortalLinks
from ringback._async.tasks import AsyncTasks, AsyncTaskTypes
from ringback._async.tenants import AsyncDefaultSecret, AsyncKeys, AsyncTenants
from ringback._async.wire import AsyncWire
from ringback.account import headers_of, url_of
from ringback.answers import path
from ringback.generated.models import StatsOut
from ringback.generated.params import ReadTenantStatsParametersQuery
from ringback.retries import Retry

T = TypeVar("T")


class AsyncRingback:
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
        http: httpx.AsyncClient | None = None,
    ) -> None:
        headers = headers_of(api_key, tenant)
        self._http = http or httpx.AsyncClient()
        self._owned = http is None
        self._wire = AsyncWire(self._http, url_of(base_url), headers, timeout=timeout, retry=retry or Retry())
        self.tasks = AsyncTasks(self._wire)
        self.task_types = AsyncTaskTypes(self._wire)
        self.events = AsyncEvents(self._wire)
        self.event_types = AsyncEventTypes(self._wire)
        self.endpoints = AsyncEndpoints(self._wire)
        self.deliveries = AsyncDeliveries(self._wire)
        self.portal_links = AsyncPortalLinks(self._wire)
        self.tenants = AsyncTenants(self._wire)
        self.keys = AsyncKeys(self._wire)
        self.secret = AsyncDefaultSecret(self._wire)

    async def stats(self, **window: Unpack[ReadTenantStatsParametersQuery]) -> StatsOut:
        """Return how the tenant is: attempts over time, latencies, what waits, which endpoints fail."""
        return await self._wire.request("GET", path("stats"), into=StatsOut, params={**window})

    async def request(
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
        return await self._wire.request(
            method, path, into=into, json=json, params=params, headers=headers, idempotency_key=idempotency_key
        )

    async def aclose(self) -> None:
        """Close its connections."""
        if self._owned:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
