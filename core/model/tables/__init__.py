"""The tables, as the migrations make them; `docs/storage.md` says why they are so."""

from core.model.tables.access import PORTAL_ROLES, portal_links, sessions
from core.model.tables.base import metadata
from core.model.tables.rollups import BUCKET, FINE, rollups
from core.model.tables.tenancy import api_keys, dedupe, endpoints, event_types, secrets, tenants
from core.model.tables.webhooks import (
    PARTITIONED,
    RECOVERABLE,
    TROUBLED,
    attempts,
    deliveries,
    delivery_order,
    events,
    leases,
)
from core.model.tables.work import STORED_RESULT_LIMIT, task_markers, task_types, tasks

__all__ = [
    "BUCKET",
    "FINE",
    "PARTITIONED",
    "PORTAL_ROLES",
    "RECOVERABLE",
    "STORED_RESULT_LIMIT",
    "TROUBLED",
    "api_keys",
    "attempts",
    "dedupe",
    "deliveries",
    "delivery_order",
    "endpoints",
    "event_types",
    "events",
    "leases",
    "metadata",
    "portal_links",
    "rollups",
    "secrets",
    "sessions",
    "task_markers",
    "task_types",
    "tasks",
    "tenants",
]
