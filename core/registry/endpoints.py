"""Endpoints: the callback URLs that partners registered, and the queues that they pull from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final

from core.clock import timestamp
from core.model import ids
from core.model.ids import EndpointId, TenantId
from core.model.json_value import JsonValue
from core.model.signature import Scheme

DEFAULT_MAX_IN_FLIGHT: Final = 50
MOST_PER_SECOND: Final = 10_000
"""The highest rate limit that an endpoint may name: beyond it, `max_in_flight` is what holds it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWish:
    """An endpoint as a partner asks for it, not checked yet.

    The schedule and the timeout are in seconds, the rate limit is per second; `None` means the platform's default.
    One that is pulled from has the empty text for its URL.
    """

    url: str
    mode: str = "push"
    event_types: Sequence[str] = ()
    description: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    signature: Scheme = Scheme.HMAC
    rate_limit: int | None = None
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    ordering: str = "none"
    retry_schedule: Sequence[int] | None = None
    timeout: int | None = None
    send_traceparent: bool = False
    filter: JsonValue = None
    owner: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointValues:
    """What a partner may say of an endpoint, checked, as the columns hold it; header values are sealed."""

    url: str
    mode: str
    description: str | None
    event_types: Sequence[str]
    sealed_headers: bytes | None
    signature: str
    public_key: str | None
    rate_limit: int | None
    max_in_flight: int
    ordering: str
    retry_schedule: Sequence[int] | None
    timeout: int | None
    send_traceparent: bool
    filter: JsonValue
    owner: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRecord(EndpointValues):
    """An endpoint as Postgres holds it."""

    id: EndpointId
    tenant_id: TenantId
    status: str
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime


def endpoint_document(
    endpoint: EndpointRecord, *, headers: Mapping[str, str], schedule: Sequence[int], timeout: int
) -> dict[str, object]:
    """Return the endpoint as `GET` shows it; `headers` are masked, the others (seconds) are the platform's defaults."""
    return {
        "id": ids.encode(ids.ENDPOINT, endpoint.id),
        "mode": endpoint.mode,
        "url": endpoint.url or None,
        "description": endpoint.description,
        "event_types": list(endpoint.event_types) or None,
        "headers": dict(headers),
        "signature": endpoint.signature,
        "public_key": endpoint.public_key,
        "rate_limit": endpoint.rate_limit,
        "max_in_flight": endpoint.max_in_flight,
        "ordering": endpoint.ordering,
        "retry_policy": {"schedule": list(schedule if endpoint.retry_schedule is None else endpoint.retry_schedule)},
        "timeout": endpoint.timeout or timeout,
        "send_traceparent": endpoint.send_traceparent,
        "filter": endpoint.filter,
        "owner": endpoint.owner,
        "metadata": endpoint.metadata,
        "status": endpoint.status,
        "disabled_reason": endpoint.disabled_reason,
        "created_at": timestamp(endpoint.created_at),
        "updated_at": timestamp(endpoint.updated_at),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFilter:
    """Which endpoints a list shall hold; `None` means any."""

    status: str | None = None
    owner: str | None = None


VALUES: Final = tuple(one.name for one in fields(EndpointValues))
COLUMNS: Final = ", ".join(one.name for one in fields(EndpointRecord))
