"""Who looks at the dashboard: sessions, and the links that open the portal."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Uuid

from core.model.tables.base import key, metadata, moment, one_of, stamp, text
from core.model.tables.tenancy import OWNER_LENGTH

PORTAL_ROLES: Final = ("partner", "inspector")
_HASH: Final = "octet_length(hash) = 32"

portal_links: Final = Table(
    "portal_links",
    metadata,
    key(),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    text("owner"),
    text("role"),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("key_id", Uuid),  # which made it: with that key it ends; null: the operator's
    stamp("created_at"),
    moment("expires_at", nullable=False),
    moment("used_at"),
    moment("revoked_at"),
    CheckConstraint(OWNER_LENGTH, name="owner"),
    one_of("role", PORTAL_ROLES),
    CheckConstraint(_HASH, name="hash"),
    Index("portal_links_tenant_id_id_idx", "tenant_id", "id"),
    Index("portal_links_expires_at_idx", "expires_at"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    key(),
    Column("tenant_id", Uuid, ForeignKey("tenants.id")),  # null: the operator's
    Column("hash", LargeBinary, nullable=False, unique=True),
    # What it stands for, one of three; rights are read from there each time.
    Column("key_id", Uuid),
    Column("link_id", Uuid),
    Column("operator_hash", LargeBinary),
    stamp("created_at"),
    stamp("seen_at"),
    moment("expires_at", nullable=False),
    CheckConstraint(_HASH, name="hash"),
    CheckConstraint("num_nonnulls(key_id, link_id, operator_hash) = 1", name="credential"),
    CheckConstraint("(operator_hash IS NULL) = (tenant_id IS NOT NULL)", name="operator"),
    Index("sessions_tenant_id_idx", "tenant_id"),
    Index("sessions_expires_at_idx", "expires_at"),
)
