"""Signing secrets: made, sealed, opened, rotated with an overlap."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.model.ids import EndpointId, SecretId, TenantId
from core.model.sealing import KeyRing

# Where each sealed value belongs: a value that was moved elsewhere does not open.
SIGNING: Final = "secrets.sealed"
HEADERS: Final = "endpoints.headers"
TASK_SIGNING: Final = "tasks.webhook_secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRecord:
    """A sealed signing secret; without an endpoint it is the tenant's default."""

    id: SecretId
    tenant_id: TenantId
    endpoint_id: EndpointId | None
    kind: str
    sealed: bytes
    created_at: datetime
    expires_at: datetime | None


def seal_secret(ring: KeyRing, secret: str, *, tenant_id: TenantId, secret_id: SecretId) -> bytes:
    """Encrypt a `whsec_…` secret for its row."""
    return ring.seal(secret.encode(), tenant=tenant_id, row=secret_id, column=SIGNING)


def open_secret(ring: KeyRing, sealed: bytes, *, tenant_id: UUID, secret_id: UUID) -> str:
    """Decrypt a secret of that row; raise `CannotOpenError` if it does not belong there."""
    return ring.open(sealed, tenant=tenant_id, row=secret_id, column=SIGNING).decode()
