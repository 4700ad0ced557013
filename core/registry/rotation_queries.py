"""The statements of a rotation, in the tenant's role, by `secrets_tenant_id_endpoint_id_idx`."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute
from core.model.ids import EndpointId, TenantId

MOST_LIVE: Final = 10
"""Secrets that sign one request at the most: who rotates a thousand times a day must not slow down the deliverers."""


async def lock_secrets(tx: AsyncConnection, *, tenant_id: TenantId, endpoint_id: EndpointId | None) -> None:
    """Hold other rotations of the same secret back until the commit.

    A statement of its own: what comes after it has a snapshot that shows what the others have made.
    """
    whose: UUID = endpoint_id or tenant_id
    await execute(tx, "SELECT pg_advisory_xact_lock(hashtextextended(CAST(:whose AS TEXT), 3))", whose=str(whose))


async def retire_secrets(tx: AsyncConnection, *, endpoint_id: EndpointId | None, overlap: int) -> int:
    """Let the present secret, and older ones that still sign, sign for `overlap` seconds more at the most.

    Those beyond `MOST_LIVE` end at once, and what has ended already is deleted. Returns how many there were.
    """
    wanted: dict[str, object] = {} if endpoint_id is None else {"endpoint_id": endpoint_id}
    whose = f"tenant_id = ringback_tenant_id() AND {'endpoint_id = :endpoint_id' if wanted else 'endpoint_id IS NULL'}"
    await execute(tx, f"DELETE FROM secrets WHERE {whose} AND expires_at <= now()", **wanted)
    sql = f"""
    WITH live AS (SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM secrets WHERE {whose})
    UPDATE secrets s SET expires_at = CASE WHEN l.place < :most THEN least(s.expires_at, now() + :overlap)
                                           ELSE now() END
    FROM live l WHERE s.id = l.id
    """
    return await execute(tx, sql, most=MOST_LIVE, overlap=timedelta(seconds=overlap), **wanted)
