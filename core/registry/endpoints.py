"""Endpoints: the callback URLs that partners registered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.clock import timestamp
from core.model import ids
from core.model.ids import EndpointId, TenantId

DEFAULT_MAX_IN_FLIGHT: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """What a partner asks for, checked."""

    id: EndpointId
    tenant_id: TenantId
    url: str
    description: str | None
    event_types: Sequence[str]
    sealed_headers: bytes | None
    max_in_flight: int
    retry_schedule: Sequence[int] | None
    timeout: int | None
    owner: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRecord:
    """An endpoint as Postgres holds it; header values are sealed."""

    id: EndpointId
    tenant_id: TenantId
    url: str
    description: str | None
    event_types: Sequence[str]
    sealed_headers: bytes | None
    signature: str
    rate_limit: int | None
    max_in_flight: int
    ordering: str
    retry_schedule: Sequence[int] | None
    timeout: int | None
    filter: Mapping[str, object] | None
    owner: str | None
    metadata: Mapping[str, str]
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
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.event_types) or None,
        "headers": dict(headers),
        "signature": endpoint.signature,
        "public_key": None,
        "rate_limit": endpoint.rate_limit,
        "max_in_flight": endpoint.max_in_flight,
        "ordering": endpoint.ordering,
        "retry_policy": {"schedule": list(schedule if endpoint.retry_schedule is None else endpoint.retry_schedule)},
        "timeout": endpoint.timeout or timeout,
        "filter": endpoint.filter,
        "owner": endpoint.owner,
        "metadata": endpoint.metadata,
        "status": endpoint.status,
        "disabled_reason": endpoint.disabled_reason,
        "created_at": timestamp(endpoint.created_at),
        "updated_at": timestamp(endpoint.updated_at),
    }
