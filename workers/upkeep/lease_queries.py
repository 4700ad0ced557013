"""The statements that bring `leases` in step with the deliveries, in the engine's role."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all


async def drop_strays(tx: AsyncConnection) -> int:
    """Delete rows of nothing on the wire, a minute after their time; each would take a slot of its lane for ever."""
    sql = """
    DELETE FROM leases WHERE (lane, delivery_id) IN (
        SELECT x.lane, x.delivery_id FROM leases x WHERE x.until < now() - INTERVAL '1 minute'
            AND (SELECT d.lease_until FROM deliveries d WHERE d.id = x.delivery_id) IS NULL
        FOR UPDATE SKIP LOCKED)
    RETURNING delivery_id
    """
    return len(await fetch_all(tx, dict[str, UUID], sql))


async def add_missing(tx: AsyncConnection) -> int:
    """Add rows for leases that are in none, a minute after their time: nobody would see that they have run out.

    Reads all that waits, by `deliveries_due_idx`. A delivery that somebody else has locked is left alone: its lease may
    be about to end, and a row that is added under its hands would be a stray.
    """
    sql = """
    INSERT INTO leases (lane, delivery_id, until) SELECT lane, id, lease_until FROM deliveries
    WHERE due_at IS NOT NULL AND lease_until < now() - INTERVAL '1 minute' FOR UPDATE SKIP LOCKED
    ON CONFLICT DO NOTHING RETURNING delivery_id
    """
    return len(await fetch_all(tx, dict[str, UUID], sql))
