"""Endpoints: the callback URLs that partners registered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

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
