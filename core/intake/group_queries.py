"""The statements of the group commit, in the engine's role: each row carries its tenant itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all
from core.intake.accept import PUBLISHED_FOR, NewTask
from core.intake.dedupe import KEPT_FOR, RequestKey

# Equal unique keys of one statement are settled by the index, as those of two are. Both statements insert in the
# order of the keys that they may wait for, so that two groups cannot deadlock.
_INSERT: Final = """
INSERT INTO tasks (id, tenant_id, type, queue, status, input, webhook_url, sealed_webhook_secret, metadata,
                   unique_key, retry_of, due_at, expires_at, published_until, max_attempts, traceparent)
SELECT g.id, g.tenant_id, g.type, g.queue, 'PENDING', g.input, g.webhook_url, g.secret, CAST(g.metadata AS JSONB),
       g.unique_key, g.retry_of, now() + make_interval(secs => g.delay), now() + make_interval(secs => g.expires_in),
       CASE WHEN g.publish THEN now() + CAST(:published AS INTERVAL) END, g.max_attempts, g.traceparent
FROM unnest(
    CAST(:ids AS UUID[]), CAST(:tenants AS UUID[]), CAST(:types AS TEXT[]), CAST(:queues AS TEXT[]),
    CAST(:inputs AS BYTEA[]), CAST(:urls AS TEXT[]), CAST(:secrets AS BYTEA[]), CAST(:metadata AS TEXT[]),
    CAST(:keys AS TEXT[]), CAST(:retries AS UUID[]), CAST(:delays AS INTEGER[]), CAST(:expiries AS INTEGER[]),
    CAST(:attempts AS INTEGER[]), CAST(:traces AS TEXT[]), CAST(:publish AS BOOLEAN[])
) AS g(id, tenant_id, type, queue, input, webhook_url, secret, metadata, unique_key, retry_of, delay, expires_in,
       max_attempts, traceparent, publish)
ORDER BY g.tenant_id, g.type, g.unique_key, g.id
ON CONFLICT (tenant_id, type, unique_key)
    WHERE unique_key IS NOT NULL AND status NOT IN ('FAILURE', 'REVOKED') DO NOTHING
RETURNING id, created_at
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A task that is there."""

    id: UUID
    created_at: datetime


async def insert_tasks(
    tx: AsyncConnection, *, tasks: Sequence[NewTask], publish: Sequence[bool]
) -> dict[UUID, datetime]:
    """Record tasks; return when each was made, without those whose unique key is taken (`tasks_unique_key_idx`)."""
    values: dict[str, object] = {
        "ids": [one.id for one in tasks],
        "tenants": [one.tenant_id for one in tasks],
        "types": [one.type.name for one in tasks],
        "queues": [one.type.queue for one in tasks],
        "inputs": [one.input for one in tasks],
        "urls": [one.webhook_url for one in tasks],
        "secrets": [one.sealed_webhook_secret for one in tasks],
        "metadata": [json.dumps(one.metadata) for one in tasks],
        "keys": [one.unique_key for one in tasks],
        "retries": [one.retry_of for one in tasks],
        "delays": [one.delay for one in tasks],
        "expiries": [one.expires_in for one in tasks],
        "attempts": [one.type.max_attempts for one in tasks],
        "traces": [one.traceparent for one in tasks],
        "publish": list(publish),
        "published": timedelta(seconds=PUBLISHED_FOR),
    }
    return {one.id: one.created_at for one in await fetch_all(tx, Made, _INSERT, **values)}


async def claim_keys(tx: AsyncConnection, *, keys: Sequence[tuple[RequestKey, UUID, int]]) -> frozenset[UUID]:
    """Take request keys, each with the ID and the status of what is being made for it; return the IDs that have theirs.

    Waits, by the primary key of `dedupe`, for another transaction that takes one of them.
    """
    sql = """
    INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, status, expires_at)
    SELECT tenant_id, 'request', key, fingerprint, jsonb_build_object('id', id), status,
           now() + make_interval(secs => :kept_for)
    FROM unnest(CAST(:tenants AS UUID[]), CAST(:keys AS TEXT[]), CAST(:fingerprints AS BYTEA[]), CAST(:ids AS UUID[]),
                CAST(:statuses AS SMALLINT[])) AS g(tenant_id, key, fingerprint, id, status)
    ORDER BY tenant_id, key, id ON CONFLICT DO NOTHING RETURNING CAST(made ->> 'id' AS UUID) AS id
    """
    values: dict[str, object] = {
        "tenants": [key.tenant_id for key, _, _ in keys],
        "keys": [key.key for key, _, _ in keys],
        "fingerprints": [key.fingerprint for key, _, _ in keys],
        "ids": [id_ for _, id_, _ in keys],
        "statuses": [status for _, _, status in keys],
        "kept_for": KEPT_FOR,
    }
    return frozenset(one["id"] for one in await fetch_all(tx, dict[str, UUID], sql, **values))


async def find_made(tx: AsyncConnection, *, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return which of these tasks are there, by their primary key."""
    sql = "SELECT id, created_at FROM tasks WHERE id = ANY(CAST(:ids AS UUID[]))"
    return {one.id: one.created_at for one in await fetch_all(tx, Made, sql, ids=list(ids))}
