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
    """A key as it is kept; without a status, what it stands for was begun and has not ended."""

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
    tx: AsyncConnection, *, tenant_id: TenantId, key: str, made: Mapping[str, JsonValue], status: int | None
) -> None:
    """Note what was made for a key; without a status, what is being made."""
    sql = """
    UPDATE dedupe SET made = CAST(:made AS JSONB), status = :status
    WHERE tenant_id = :tenant_id AND kind = 'request' AND key = :key
    """
    values: dict[str, object] = {"made": msgspec.json.encode(made).decode(), "status": status}
    await execute(tx, sql, tenant_id=tenant_id, key=key, **values)


async def count_for_key(tx: AsyncConnection, *, tenant_id: TenantId, key: str, what: str, number: int) -> bool:
    """Add to a number that is kept for a key; false if what was begun for it has ended."""
    sql = """
    UPDATE dedupe SET made = made || jsonb_build_object(
        CAST(:what AS TEXT), coalesce(CAST(made ->> :what AS BIGINT), 0) + :number)
    WHERE tenant_id = :tenant_id AND kind = 'request' AND key = :key AND status IS NULL
    """
    return await execute(tx, sql, tenant_id=tenant_id, key=key, what=what, number=number) == 1


async def end_key(tx: AsyncConnection, *, tenant_id: TenantId, key: str, status: int) -> bool:
    """Have what was begun for a key be ended; false if it was before."""
    sql = """
    UPDATE dedupe SET status = :status WHERE tenant_id = :tenant_id AND kind = 'request' AND key = :key
        AND status IS NULL
    """
    return await execute(tx, sql, tenant_id=tenant_id, key=key, status=status) == 1
