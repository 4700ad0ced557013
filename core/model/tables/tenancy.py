"""Who works here: tenants, their API keys and signing secrets, and what they have asked before."""

from typing import Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.model.tables.base import key, metadata, moment, one_of, stamp, text

OWNER_LENGTH: Final = "char_length(owner) BETWEEN 1 AND 255"

tenants: Final = Table(
    "tenants",
    metadata,
    key(),
    Column("slug", Text, nullable=False, unique=True),
    text("name"),
    Column("requests_per_second", Integer),
    Column("waiting_tasks", Integer, nullable=False, server_default="100000"),
    Column("running_tasks", Integer),
    Column("endpoints", Integer, nullable=False, server_default="10000"),
    Column("retention_days", Integer, nullable=False, server_default="30"),
    stamp("created_at"),
    moment("deleted_at"),
    Column("emptied_to", Uuid),  # the payloads of events below this ID are emptied
    CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'", name="slug"),
    CheckConstraint(
        "waiting_tasks >= 0 AND running_tasks > 0 AND requests_per_second > 0"
        " AND endpoints >= 0 AND retention_days BETWEEN 1 AND 3650",
        name="limits",
    ),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    key(),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    text("name"),
    text("role", nullable=True),
    Column("scopes", ARRAY(Text), nullable=False),
    text("owner", nullable=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    text("last_four"),
    stamp("created_at"),
    moment("expires_at"),
    moment("revoked_at"),
    moment("last_used_at"),
    CheckConstraint("octet_length(hash) = 32", name="hash"),
    CheckConstraint("cardinality(scopes) > 0", name="scopes"),
    CheckConstraint(OWNER_LENGTH, name="owner"),
    Index("api_keys_tenant_id_id_idx", "tenant_id", "id"),
)

secrets: Final = Table(
    "secrets",
    metadata,
    key(),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("endpoint_id", Uuid),  # null: the tenant's default
    text("kind"),
    Column("sealed", LargeBinary, nullable=False),
    stamp("created_at"),
    moment("expires_at"),
    one_of("kind", ["hmac", "ed25519"]),
    Index("secrets_tenant_id_endpoint_id_idx", "tenant_id", "endpoint_id"),
)

dedupe: Final = Table(
    "dedupe",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger),
    text("location", nullable=True),
    Column("made", JSONB, nullable=False),
    stamp("created_at"),
    moment("expires_at", nullable=False),
    one_of("kind", ["request", "event"]),
    CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint"),
    CheckConstraint("char_length(key) BETWEEN 1 AND 2400", name="key"),
    Index("dedupe_expires_at_idx", "expires_at"),
    postgresql_partition_by="HASH (tenant_id, kind, key)",
)

event_types: Final = Table(
    "event_types",
    metadata,
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    text("description", nullable=True),
    Column("schema", JSONB),
    Column("example", JSONB),
    stamp("created_at"),
    stamp("updated_at"),
)

ENDED: Final = "deleted_at IS NOT NULL OR status = 'disabled'"

endpoints: Final = Table(
    "endpoints",
    metadata,
    key(),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    Column("mode", Text, nullable=False, server_default="push"),
    text("url"),  # of one that is pulled from the empty text: nothing that sends has to mind null
    text("description", nullable=True),
    Column("event_types", ARRAY(Text), nullable=False),  # empty: all events of clients, and task.*
    Column("sealed_headers", LargeBinary),
    text("signature"),
    text("public_key", nullable=True),
    Column("rate_limit", Integer),
    Column("max_in_flight", Integer, nullable=False),
    text("ordering"),
    Column("retry_schedule", ARRAY(Integer)),
    Column("timeout", SmallInteger),
    Column("send_traceparent", Boolean, nullable=False, server_default="false"),
    Column("filter", JSONB),
    Column("filter_version", Integer, nullable=False, server_default="1"),
    text("owner", nullable=True),
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    text("status"),
    text("disabled_reason", nullable=True),
    moment("failing_since"),
    moment("failing_told_at"),  # of the stretch that began before it
    stamp("created_at"),
    stamp("updated_at"),
    moment("deleted_at"),
    one_of("signature", ["hmac", "ed25519"]),
    one_of("mode", ["push", "pull"]),
    CheckConstraint("(mode = 'pull') = (url = '')", name="target"),
    CheckConstraint("(signature = 'ed25519') = (public_key IS NOT NULL)", name="public_key"),
    one_of("ordering", ["none", "fifo"]),
    one_of("status", ["enabled", "paused", "disabled"]),
    CheckConstraint("(status = 'disabled') = (disabled_reason IS NOT NULL)", name="disabled_reason"),
    CheckConstraint("rate_limit > 0 AND max_in_flight BETWEEN 1 AND 1000", name="caps"),
    CheckConstraint("timeout BETWEEN 1 AND 30", name="timeout"),
    CheckConstraint("char_length(url) <= 2048", name="url"),
    CheckConstraint(OWNER_LENGTH, name="owner"),
    Index("endpoints_tenant_id_id_idx", "tenant_id", "id"),
    Index("endpoints_living_idx", "tenant_id", "id", postgresql_where="deleted_at IS NULL"),
    Index("endpoints_tenant_id_owner_id_idx", "tenant_id", "owner", "id", postgresql_where="owner IS NOT NULL"),
    Index("endpoints_failing_idx", "failing_since", postgresql_where="failing_since IS NOT NULL"),
    Index("endpoints_disabled_idx", "id", postgresql_where="status = 'disabled'"),
    Index("endpoints_ended_idx", "updated_at", postgresql_where=ENDED),
)
