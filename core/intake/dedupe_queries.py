"""The statements of idempotency keys, by the primary key of `dedupe`; each carries the tenant itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_one
from core.model.ids import TenantId
from core.model.json_value import JsonValue


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is kept."""

    fingerprint: bytes
    made: Mapping[str, JsonValue]
    status: int | None
    expired: bool


async def claim_key(tx: AsyncConnection, *, tenant_id: TenantId, key: str, fingerprint: bytes, kept_for: int) -> bool:
    """Insert a key; false if it is there. Another transaction that inserts it now is waited for."""
    sql = """
    INSERT INTO dedupe (tenant_id, kind, key, fingerprint, made, expires_at)
    VALUES (:tenant_id, 'request', :key, :fingerprint, '{}', now() + make_interval(secs => :kept_for))
    ON CONFLICT DO NOTHING
    """
    values: dict[str, object] = {"key": key, "fingerprint": fingerprint, "kept_for": kept_for}
    return await execute(tx, sql, tenant_id=tenant_id, **values) == 1


async def read_key(tx: AsyncConnection, *, tenant_id: TenantId, key: str) -> KeyRow | None:
    """Look up a key."""
    sql = """
    SELECT fingerprint, made, status, expires_at <= now() AS expired FROM dedupe
    WHERE tenant_id = :tenant_id AND kind = 'request' AND key = :key
    """
    return await fetch_one(tx, KeyRow, sql, tenant_id=tenant_id, key=key)


async def drop_expired_key(tx: AsyncConnection, *, tenant_id: TenantId, key: str) -> None:
    """Delete a key whose time is over."""
    sql = """
    DELETE FROM dedupe WHERE tenant_id = :tenant_id AND kind = 'request' AND key = :key AND expires_at <= now()
    """
    await execute(tx, sql, tenant_id=tenant_id, key=key)


async def fill_key(
    tx: AsyncConnection, *, tenant_id: TenantId, key: str, made: Mapping[str, JsonValue], status: int
) -> None:
    """Note what was made for a key."""
    sql = """
    UPDATE dedupe SET made = CAST(:made AS JSONB), status = :status
    WHERE tenant_id = :tenant_id AND kind = 'request' AND key = :key
    """
    values: dict[str, object] = {"made": msgspec.json.encode(made).decode(), "status": status}
    await execute(tx, sql, tenant_id=tenant_id, key=key, **values)
