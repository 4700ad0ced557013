"""Tenants, their limits, and who may act for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.model.ids import KeyId, TenantId

RESOURCES: Final = ("tasks", "events", "endpoints", "deliveries", "keys")
SCOPES: Final = (*(f"{name}:{verb}" for name in RESOURCES for verb in ("read", "write")), "secrets:read")
ROLES: Final = {
    "admin": SCOPES,
    "client": ("tasks:read", "tasks:write", "events:read", "events:write"),
    "partner": ("endpoints:read", "endpoints:write", "secrets:read", "deliveries:read", "deliveries:write"),
    "inspector": ("deliveries:read", "events:read"),
}
OWNER_SCOPES: Final = frozenset(SCOPES) - {"tasks:read", "tasks:write", "events:write"}
"""What a key with an owner may hold: tasks are no owner's, and an event goes to every owner's endpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """What a tenant may use; `None` means no limit."""

    requests_per_second: int | None
    waiting_tasks: int
    running_tasks: int | None
    endpoints: int
    retention_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """An isolated customer of the platform."""

    id: TenantId
    slug: str
    name: str
    requests_per_second: int | None
    waiting_tasks: int
    running_tasks: int | None
    endpoints: int
    retention_days: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """An API key, without the key."""

    id: KeyId
    tenant_id: TenantId
    name: str
    role: str | None
    scopes: Sequence[str]
    owner: str | None
    last_four: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey(KeyRecord):
    """A key that somebody calls with, and how often its tenant may."""

    requests_per_second: int | None
