"""The task half: what can be run, and every run that was asked for."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from core.model.states import TaskStatus
from core.model.tables.base import key, metadata, moment, one_of, stamp, text

STORED_RESULT_LIMIT: Final = 16 * 1024
CONTENT_LIMIT: Final = 10 * 1024 * 1024

task_types: Final = Table(
    "task_types",  # of the workers, not of a tenant
    metadata,
    Column("name", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),  # of all the rest: two versions of workers may run at once
    text("description"),
    text("queue"),
    Column("input_schema", JSONB, nullable=False),
    Column("output_schema", JSONB, nullable=False),
    Column("soft_time_limit", Integer, nullable=False),
    Column("hard_time_limit", Integer, nullable=False),
    Column("retry_policy", JSONB, nullable=False),
    stamp("registered_at"),
    stamp("seen_at"),
    CheckConstraint("hard_time_limit > soft_time_limit AND soft_time_limit > 0", name="time_limits"),
)

tasks: Final = Table(
    "tasks",
    metadata,
    key(),
    Column("tenant_id", Uuid, ForeignKey("tenants.id"), nullable=False),
    text("type"),
    text("queue"),
    text("status"),
    Column("input", LargeBinary),  # null once erased
    Column("content", LargeBinary),  # the file that came with it, or a long text; parts read slices of it
    text("webhook_url", nullable=True),
    Column("sealed_webhook_secret", LargeBinary),
    text("unique_key", nullable=True),
    Column("retry_of", Uuid),
    Column("metadata", JSONB, nullable=False, server_default="{}"),
    # When to run: a waiting task has due_at, a running one has a lease, an ended one has neither.
    moment("due_at"),
    moment("expires_at"),
    moment("published_until"),
    moment("lease_until"),
    text("leased_by", nullable=True),
    Column("run", Integer, nullable=False, server_default="0"),
    Column("max_attempts", Integer, nullable=False),
    Column("lost_count", Integer, nullable=False, server_default="0"),
    # Of a run that was handed over to parts: those that run, and those that have not started.
    Column("parts_running", Integer, nullable=False, server_default="0"),
    Column("parts_waiting", Integer, nullable=False, server_default="0"),
    moment("cancel_asked_at"),
    # How it ended.
    Column("progress", JSONB),
    Column("result", LargeBinary),
    Column("result_size", Integer),
    text("error_code", nullable=True),
    text("error_title", nullable=True),
    text("error_detail", nullable=True),
    text("traceparent", nullable=True),
    stamp("created_at"),
    moment("started_at"),
    moment("finished_at"),
    moment("erased_at"),
    one_of("status", [status.value for status in TaskStatus]),
    CheckConstraint("(status IN ('PENDING', 'RETRY')) = (due_at IS NOT NULL)", name="waiting"),
    CheckConstraint("(status IN ('STARTED', 'PROGRESS')) = (lease_until IS NOT NULL)", name="running"),
    CheckConstraint("(status IN ('SUCCESS', 'FAILURE', 'REVOKED')) = (finished_at IS NOT NULL)", name="ended"),
    CheckConstraint("status <> 'FAILURE' OR error_code IS NOT NULL", name="error"),
    CheckConstraint(f"octet_length(result) <= {STORED_RESULT_LIMIT}", name="result"),
    CheckConstraint(f"octet_length(content) <= {CONTENT_LIMIT}", name="content"),
    CheckConstraint("run >= 0 AND lost_count >= 0 AND lost_count <= run", name="run"),
    Index("tasks_tenant_id_id_idx", "tenant_id", "id"),
    Index("tasks_due_type_idx", "tenant_id", "queue", "type", "due_at", postgresql_where="due_at IS NOT NULL"),
    Index("tasks_expiring_idx", "expires_at", postgresql_where="expires_at IS NOT NULL AND due_at IS NOT NULL"),
    Index("tasks_finished_idx", "finished_at", postgresql_where="finished_at IS NOT NULL"),
    Index("tasks_leased_idx", "lease_until", postgresql_where="lease_until IS NOT NULL"),
    Index(
        "tasks_unique_key_idx",
        "tenant_id",
        "type",
        "unique_key",
        unique=True,
        postgresql_where="unique_key IS NOT NULL AND status NOT IN ('FAILURE', 'REVOKED')",
    ),
)

task_markers: Final = Table(
    "task_markers",
    metadata,
    Column("task_id", Uuid, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("run", Integer, nullable=False),
    Column("value", LargeBinary, nullable=False),  # JSON: what the side effect gave back
    stamp("created_at"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
    CheckConstraint(f"octet_length(value) <= {STORED_RESULT_LIMIT}", name="value"),
)
