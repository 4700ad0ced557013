"""The webhook half's hot tables: events, deliveries, attempts.

All three are partitioned by the time in a UUIDv7, so that a look-up by ID touches one partition and the past
leaves by whole partitions. There are no foreign keys between them: each statement writes what it refers to.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    SmallInteger,
    Table,
    Uuid,
)
from sqlalchemy import text as text_of
from sqlalchemy.dialects.postgresql import JSONB

from core.model.outcome import ErrorClass, OutcomeKind, Trigger
from core.model.states import CancelReason, DeliveryStatus
from core.model.tables.base import key, metadata, moment, one_of, stamp, tenant, text

PARTITIONED: Final = ("events", "deliveries", "attempts")

# Predicates of partial indexes. A query names them in just these words, so that any plan may use the index.
TROUBLED: Final = "last_error IS NOT NULL OR status IN ('retrying', 'exhausted', 'cancelled')"
RECOVERABLE: Final = "status = 'exhausted' OR reason = 'endpoint_disabled'"

delivery_order: Final = Sequence("delivery_order", metadata=metadata, cache=1)

events: Final = Table(
    "events",
    metadata,
    key(),
    tenant(),
    text("client_id", nullable=True),
    text("type"),
    moment("timestamp", nullable=False),
    Column("body", LargeBinary),  # as every receiver gets it; null once erased
    Column("data_offset", Integer, nullable=False),  # `data` is a slice of the body
    Column("data_length", Integer, nullable=False),
    text("ordering_key", nullable=True),
    Column("attributes", JSONB),
    text("traceparent", nullable=True),
    Column("task_id", Uuid),
    Column("deliveries", Integer, nullable=False, server_default="0"),
    stamp("created_at"),
    moment("erased_at"),
    CheckConstraint("(body IS NULL) = (erased_at IS NOT NULL)", name="erased"),
    CheckConstraint("data_offset + data_length < octet_length(body)", name="data"),
    CheckConstraint("char_length(type) <= 128", name="type"),
    Index("events_tenant_id_id_idx", "tenant_id", "id"),
    Index("events_client_id_idx", "tenant_id", "client_id", "id", postgresql_where="client_id IS NOT NULL"),
    Index("events_task_id_idx", "task_id", postgresql_where="task_id IS NOT NULL"),
    postgresql_partition_by="RANGE (id)",
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    key(),
    tenant(),
    Column("event_id", Uuid, nullable=False),
    text("event_type"),
    Column("endpoint_id", Uuid),  # null: to the webhook_url of its task
    Column("task_id", Uuid),
    text("url", nullable=True),  # of the task; an endpoint's is read when it is needed
    Column("lane", Uuid, nullable=False),  # what shares caps and a breaker
    text("status"),
    text("reason", nullable=True),
    text("trigger"),  # of the next attempt
    # When to send: claimable is what has due_at passed and no lease, whatever the status.
    moment("due_at"),
    text("wait_reason", nullable=True),
    moment("published_until"),
    moment("lease_until"),
    moment("resend_asked_at"),  # while it was on the wire: due again when that attempt ends
    Column("claim", Integer, nullable=False, server_default="0"),  # the fence: never goes back
    # How far it is.
    Column("attempt_count", Integer, nullable=False, server_default="0"),
    Column("step", SmallInteger, nullable=False, server_default="0"),
    Column("unknown_run", SmallInteger, nullable=False, server_default="0"),
    moment("succeeded_at"),
    Column("sequence", BigInteger, delivery_order, server_default=delivery_order.next_value(), nullable=False),
    text("ordering_key", nullable=True),
    Column("last_response_code", SmallInteger),
    text("last_error", nullable=True),
    Column("payload_erased", Boolean),  # what is recorded from now on keeps no response body
    stamp("created_at"),
    moment("finished_at"),
    one_of("status", [status.value for status in DeliveryStatus]),
    one_of("reason", [reason.value for reason in CancelReason]),
    one_of("trigger", [trigger.value for trigger in Trigger]),
    one_of("wait_reason", ["schedule", "retry_after"]),
    CheckConstraint("(endpoint_id IS NULL) = (url IS NOT NULL)", name="target"),
    CheckConstraint("(endpoint_id IS NOT NULL) OR (task_id IS NOT NULL)", name="owner"),
    CheckConstraint("(status = 'cancelled') = (reason IS NOT NULL)", name="cancelled"),
    CheckConstraint("(status IN ('pending', 'retrying')) = (finished_at IS NULL)", name="ended"),
    CheckConstraint("status NOT IN ('pending', 'retrying') OR due_at IS NOT NULL", name="waiting"),
    CheckConstraint("status <> 'succeeded' OR succeeded_at IS NOT NULL", name="succeeded"),
    CheckConstraint("claim >= attempt_count AND attempt_count >= 0 AND step >= 0", name="counts"),
    Index("deliveries_tenant_id_id_idx", "tenant_id", "id"),
    Index("deliveries_event_id_idx", "event_id"),
    Index("deliveries_endpoint_id_id_idx", "endpoint_id", "id", postgresql_where="endpoint_id IS NOT NULL"),
    Index("deliveries_task_id_idx", "task_id", postgresql_where="task_id IS NOT NULL"),
    Index("deliveries_due_idx", "lane", "due_at", postgresql_where="due_at IS NOT NULL"),
    # No index holds what a claim changes: its new version then needs no entry in any. No key is the empty one.
    Index(
        "deliveries_turns_idx",
        "lane",
        text_of("coalesce(ordering_key, '')"),
        "sequence",
        postgresql_where="status IN ('pending', 'retrying')",
    ),
    Index("deliveries_asked_idx", "lane", postgresql_where="trigger IN ('resend', 'test') AND due_at IS NOT NULL"),
    Index("deliveries_troubled_idx", "tenant_id", "id", postgresql_where=TROUBLED),
    Index("deliveries_recoverable_idx", "endpoint_id", "sequence", postgresql_where=RECOVERABLE),
    postgresql_partition_by="RANGE (id)",
)

# What is on the wire, by lane: the row of each delivery with `lease_until`, written and deleted in its statement.
leases: Final = Table(
    "leases",
    metadata,
    Column("lane", Uuid, primary_key=True),
    Column("delivery_id", Uuid, primary_key=True),
    moment("until", nullable=False),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("id", Uuid, nullable=False),
    tenant(),
    text("trigger"),
    text("outcome"),
    text("error", nullable=True),
    text("note", nullable=True),
    text("request_url"),
    Column("request_headers", JSONB, nullable=False),  # secrets masked; the body is the event's
    Column("response_status", SmallInteger),
    Column("response_headers", JSONB),
    Column("response_body", LargeBinary),
    Column("response_truncated", Boolean),
    text("address", nullable=True),
    Column("dns_ms", Float),
    Column("connect_ms", Float),
    Column("tls_ms", Float),
    Column("first_byte_ms", Float),
    Column("total_ms", Float),
    moment("started_at", nullable=False),
    stamp("recorded_at"),
    # Streams order by (transaction, delivery, number), so that a late commit is not skipped.
    Column("transaction", BigInteger, nullable=False),
    one_of("trigger", [trigger.value for trigger in Trigger]),
    one_of("outcome", [kind.value for kind in OutcomeKind]),
    one_of("error", [error.value for error in ErrorClass]),
    CheckConstraint("(outcome = 'failed') = (error IS NOT NULL)", name="failed"),
    CheckConstraint("(response_status IS NULL) = (response_headers IS NULL)", name="response"),
    CheckConstraint("octet_length(response_body) <= 16384", name="response_body"),
    CheckConstraint("number > 0", name="number"),
    Index("attempts_tenant_id_transaction_idx", "tenant_id", "transaction"),
    postgresql_partition_by="RANGE (delivery_id)",
)
