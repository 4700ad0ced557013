"""The statements of keys that events carry, in the engine's role, by the primary key of `dedupe`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import AnyConnection, execute, fetch_all
from core.intake.event_queries import EventKey
from core.model.ids import TenantId

TenantKey = tuple[TenantId, EventKey]


@dataclass(frozen=True, slots=True)
class Taken:
    """Who holds a key: what was made for it, of which content. One whose time is over is free again."""

    made: UUID
    fingerprint: bytes
    status: int | None
    expired: bool


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    made: Mapping[str, str]
    fingerprint: bytes
    status: int | None
    expired: bool


async def read_keys(tx: AnyConnection, *, keys: Sequence[TenantKey]) -> tuple[Taken | None, ...]:
    """Look up keys; `None` for one that nobody holds."""
    sql = """
    SELECT k.line, d.made, d.fingerprint, d.status, d.expires_at <= now() AS expired
    FROM unnest(CAST(:tenants AS UUID[]), CAST(:kinds AS TEXT[]), CAST(:keys AS TEXT[]))
        WITH ORDINALITY AS k(tenant_id, kind, key, line)
    JOIN dedupe d ON d.tenant_id = k.tenant_id AND d.kind = k.kind AND d.key = k.key
    """
    rows = await fetch_all(tx, _Row, sql, **_values(keys))
    found = {row.line: Taken(UUID(row.made["id"]), row.fingerprint, row.status, row.expired) for row in rows}
    return tuple(found.get(number) for number in range(1, len(keys) + 1))


async def drop_expired_keys(tx: AsyncConnection, *, keys: Sequence[TenantKey]) -> None:
    """Delete those of these keys whose time is over, locked in their order."""
    sql = """
    WITH expired AS (
        SELECT d.tenant_id, d.kind, d.key
        FROM unnest(CAST(:tenants AS UUID[]), CAST(:kinds AS TEXT[]), CAST(:keys AS TEXT[])) AS k(tenant_id, kind, key)
        JOIN dedupe d ON d.tenant_id = k.tenant_id AND d.kind = k.kind AND d.key = k.key AND d.expires_at <= now()
        ORDER BY d.tenant_id, d.kind DESC, d.key FOR UPDATE OF d
    )
    DELETE FROM dedupe d USING expired e
    WHERE d.tenant_id = e.tenant_id AND d.kind = e.kind AND d.key = e.key AND d.expires_at <= now()
    """
    await execute(tx, sql, **_values(keys))


def _values(keys: Sequence[TenantKey]) -> dict[str, object]:
    return {
        "tenants": [tenant_id for tenant_id, _ in keys],
        "kinds": [key.kind for _, key in keys],
        "keys": [key.key for _, key in keys],
    }
