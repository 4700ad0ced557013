"""The registry's statements: tenants, keys, secrets, endpoints, task types."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.model.ids import TENANT, EndpointId, InvalidIdError, KeyId, TenantId, decode
from core.registry.endpoints import COLUMNS, EndpointFilter, EndpointRecord
from core.registry.secrets import SecretRecord
from core.registry.task_types import KNOWN_FOR, LIVE_FOR, TaskType
from core.registry.tenants import FoundKey, KeyRecord, TenantLimits, TenantRecord

TENANT_COLUMNS: Final = (
    "id, slug, name, requests_per_second, waiting_tasks, running_tasks, endpoints, retention_days, created_at"
)
_KEY: Final = "id, tenant_id, name, role, scopes, owner, last_four, created_at, expires_at, last_used_at, revoked_at"
_ENDPOINT: Final = COLUMNS
_SIGNING: Final = "id, tenant_id, endpoint_id, kind, sealed, created_at, expires_at"
_TYPE: Final = "name, description, queue, input_schema, output_schema, soft_time_limit, hard_time_limit, retry_policy"


async def insert_tenant(
    tx: AsyncConnection, *, tenant_id: TenantId, slug: str, name: str, limits: TenantLimits
) -> TenantRecord | None:
    """Insert a tenant in the engine's role; `None` if the slug is taken."""
    sql = f"""
    INSERT INTO tenants (id, slug, name, requests_per_second, waiting_tasks, running_tasks, endpoints, retention_days)
    VALUES (:id, :slug, :name, :requests_per_second, :waiting_tasks, :running_tasks, :endpoints, :retention_days)
    ON CONFLICT DO NOTHING RETURNING {TENANT_COLUMNS}
    """
    return await fetch_one(tx, TenantRecord, sql, id=tenant_id, slug=slug, name=name, **asdict(limits))


async def find_tenant(tx: AsyncConnection, *, name: str) -> TenantRecord | None:
    """Look up a living tenant by its ID or its slug, in the engine's role, each by its unique index."""
    try:
        wanted: dict[str, object] = {"id": decode(TENANT, name)}
    except InvalidIdError:
        wanted = {"slug": name}
    named = " AND ".join(f"{column} = :{column}" for column in wanted)
    sql = f"SELECT {TENANT_COLUMNS} FROM tenants WHERE {named} AND deleted_at IS NULL"
    return await fetch_one(tx, TenantRecord, sql, **wanted)


async def read_tenant(tx: AsyncConnection, *, tenant_id: TenantId) -> TenantRecord | None:
    """Look up a living tenant by its primary key, in the engine's role."""
    sql = f"SELECT {TENANT_COLUMNS} FROM tenants WHERE id = :id AND deleted_at IS NULL"
    return await fetch_one(tx, TenantRecord, sql, id=tenant_id)


async def list_tenants(tx: AsyncConnection, *, before: TenantId | None, limit: int) -> tuple[TenantRecord, ...]:
    """List living tenants, newest first, in the engine's role, by the primary key."""
    sql = f"""
    SELECT {TENANT_COLUMNS} FROM tenants WHERE deleted_at IS NULL AND (CAST(:before AS UUID) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
    """
    return await fetch_all(tx, TenantRecord, sql, before=before, limit=limit)


async def insert_key(tx: AsyncConnection, *, key: KeyRecord, hash_: bytes) -> None:
    """Insert an API key by its hash, in the tenant's role."""
    sql = f"""
    INSERT INTO api_keys ({_KEY}, hash) VALUES (:id, :tenant_id, :name, :role, :scopes, :owner, :last_four,
        :created_at, :expires_at, :last_used_at, :revoked_at, :hash)
    """
    await execute(tx, sql, hash=hash_, **asdict(key))


async def find_key(tx: AsyncConnection, *, hash_: bytes) -> FoundKey | None:
    """Look up a living key of a living tenant by `api_keys_hash_key`, in the engine's role."""
    sql = f"""
    SELECT {_KEY}, (SELECT t.requests_per_second FROM tenants t WHERE t.id = k.tenant_id) FROM api_keys k
    WHERE hash = :hash AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > now())
        AND EXISTS (SELECT FROM tenants t WHERE t.id = k.tenant_id AND t.deleted_at IS NULL)
    """
    return await fetch_one(tx, FoundKey, sql, hash=hash_)


async def read_key(tx: AsyncConnection, *, key_id: KeyId) -> KeyRecord | None:
    """Look up one of the tenant's keys by its primary key, revoked or not."""
    return await fetch_one(tx, KeyRecord, f"SELECT {_KEY} FROM api_keys WHERE id = :id", id=key_id)


async def list_keys(tx: AsyncConnection, *, before: KeyId | None, limit: int) -> tuple[KeyRecord, ...]:
    """List the tenant's keys, newest first, by `api_keys_tenant_id_id_idx`."""
    sql = f"""
    SELECT {_KEY} FROM api_keys WHERE tenant_id = ringback_tenant_id() AND revoked_at IS NULL
        AND (CAST(:before AS UUID) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
    """
    return await fetch_all(tx, KeyRecord, sql, before=before, limit=limit)


async def revoke_key(tx: AsyncConnection, *, key_id: KeyId) -> bool:
    """Revoke one of the tenant's keys; false if there is none."""
    sql = "UPDATE api_keys SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL"
    return await execute(tx, sql, id=key_id) == 1


async def touch_key(tx: AsyncConnection, *, key_id: KeyId) -> None:
    """Note that a key was used, in the engine's role; called once in many minutes, not per request."""
    await execute(tx, "UPDATE api_keys SET last_used_at = now() WHERE id = :id", id=key_id)


async def insert_secret(tx: AsyncConnection, *, secret: SecretRecord) -> None:
    """Insert a sealed signing secret."""
    sql = f"""
    INSERT INTO secrets ({_SIGNING})
    VALUES (:id, :tenant_id, :endpoint_id, :kind, :sealed, :created_at, :expires_at)
    """
    await execute(tx, sql, **asdict(secret))


async def read_secret(tx: AsyncConnection, *, endpoint_id: EndpointId | None) -> SecretRecord | None:
    """Return the present secret of an endpoint, or the tenant's default, by `secrets_tenant_id_endpoint_id_idx`.

    Two comparisons and not one that minds null: no index serves `IS NOT DISTINCT FROM`.
    """
    wanted: dict[str, object] = {} if endpoint_id is None else {"endpoint_id": endpoint_id}
    whose = "endpoint_id = :endpoint_id" if wanted else "endpoint_id IS NULL"
    sql = f"""
    SELECT {_SIGNING} FROM secrets WHERE tenant_id = ringback_tenant_id() AND {whose} AND expires_at IS NULL
    """
    return await fetch_one(tx, SecretRecord, sql, **wanted)


async def count_endpoints(tx: AsyncConnection) -> tuple[int, int]:
    """Return how many endpoints the tenant has and may have, all owners', holding new ones back until the commit."""
    sql = """
    WITH held AS (SELECT pg_advisory_xact_lock(hashtextextended(ringback_tenant_id()::TEXT, 1)))
    SELECT ringback_count_endpoints() AS present, t.endpoints AS allowed
    FROM held, tenants t
    """
    found = await fetch_one(tx, dict[str, int], sql)
    return (0, 0) if found is None else (found["present"], found["allowed"])


async def read_endpoint(tx: AsyncConnection, *, endpoint_id: EndpointId) -> EndpointRecord | None:
    """Look up one living endpoint by its primary key."""
    sql = f"SELECT {_ENDPOINT} FROM endpoints WHERE id = :id AND deleted_at IS NULL"
    return await fetch_one(tx, EndpointRecord, sql, id=endpoint_id)


async def read_endpoints(tx: AsyncConnection, *, endpoint_ids: Sequence[EndpointId]) -> tuple[EndpointRecord, ...]:
    """Look up endpoints of any tenant by the primary key, deleted ones too, in the engine's role."""
    sql = f"SELECT {_ENDPOINT} FROM endpoints WHERE id = ANY(CAST(:ids AS UUID[])) ORDER BY id"
    return await fetch_all(tx, EndpointRecord, sql, ids=list(endpoint_ids))


async def list_endpoints(
    tx: AsyncConnection, *, wanted: EndpointFilter, before: EndpointId | None, limit: int
) -> tuple[EndpointRecord, ...]:
    """List the tenant's endpoints, newest first, by `endpoints_living_idx`; of one owner, by its own index."""
    given = {name: value for name, value in asdict(wanted).items() if value is not None}
    sql = f"""
    SELECT {_ENDPOINT} FROM endpoints WHERE tenant_id = ringback_tenant_id() AND deleted_at IS NULL
        {"".join(f" AND {name} = :{name}" for name in given)}
        AND (CAST(:before AS UUID) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
    """
    return await fetch_all(tx, EndpointRecord, sql, before=before, limit=limit, **given)


async def register_task_type(tx: AsyncConnection, *, task_type: TaskType) -> None:
    """Say that a worker offers this version of a type, or offers it still, in the engine's role."""
    sql = f"""
    INSERT INTO task_types ({_TYPE}, fingerprint)
    VALUES (:name, :description, :queue, CAST(:input_schema AS JSONB), CAST(:output_schema AS JSONB),
        :soft_time_limit, :hard_time_limit, CAST(:retry_policy AS JSONB), :fingerprint)
    ON CONFLICT (name, fingerprint) DO UPDATE SET seen_at = now()
    """
    values = asdict(task_type)
    for name in ("input_schema", "output_schema", "retry_policy"):
        values[name] = json.dumps(values[name])
    await execute(tx, sql, fingerprint=task_type.fingerprint, **values)


# Seen is what a worker has offered lately, a version measured by the one of its name that was seen last, a name by the
# last of all: with no worker at all nothing is forgotten.
_LIVE: Final = f"""
SELECT {_TYPE}, registered_at FROM (
    SELECT *, max(seen_at) OVER (PARTITION BY name) AS last FROM task_types) t
WHERE seen_at > last - make_interval(secs => :live_for)
    AND last > (SELECT max(seen_at) FROM task_types) - make_interval(secs => :known_for)
"""
_LIVE_FOR: Final[dict[str, object]] = {"live_for": LIVE_FOR, "known_for": KNOWN_FOR}


async def list_task_types(tx: AsyncConnection) -> tuple[TaskType, ...]:
    """List each known type in its newest live version."""
    sql = f"SELECT DISTINCT ON (name) {_TYPE} FROM ({_LIVE}) v ORDER BY name, registered_at DESC"
    return await fetch_all(tx, TaskType, sql, **_LIVE_FOR)


async def read_task_type(tx: AsyncConnection, *, name: str) -> TaskType | None:
    """Return one known type in its newest live version."""
    return next(iter(await read_task_versions(tx, name=name)), None)


async def read_task_versions(tx: AsyncConnection, *, name: str) -> tuple[TaskType, ...]:
    """Return the live versions of one type, newest first; none if it is unknown."""
    sql = f"SELECT {_TYPE} FROM ({_LIVE} AND name = :name) v ORDER BY registered_at DESC"
    return await fetch_all(tx, TaskType, sql, name=name, **_LIVE_FOR)
