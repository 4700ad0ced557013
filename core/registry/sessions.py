"""Sessions of the dashboard, and the links that open the portal for one owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.model.ids import KeyId, LinkId, SessionId, TenantId
from core.model.session import LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A living session with the rights of what it stands for; the operator's has no tenant and no scopes of its own."""

    id: SessionId
    tenant_id: TenantId | None
    key_id: KeyId | None
    link_id: LinkId | None
    operator_hash: bytes | None
    role: str | None
    scopes: Sequence[str] | None
    owner: str | None
    requests_per_second: int | None
    seen_at: datetime
    expires_at: datetime

    @property
    def kind(self) -> str:
        """What it stands for."""
        if self.link_id is not None:
            return "portal"
        return "operator" if self.tenant_id is None else "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to be kept, by the hash of its token."""

    id: SessionId
    tenant_id: TenantId | None
    hash: bytes
    key_id: KeyId | None = None
    link_id: LinkId | None = None
    operator_hash: bytes | None = None
    lifetime: int = LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRecord:
    """A portal link, without its token."""

    id: LinkId
    tenant_id: TenantId
    owner: str
    role: str
    key_id: KeyId | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWish:
    """A portal link as its maker asks for it; `expires_in` is in seconds."""

    owner: str
    role: str
    expires_in: int
