"""What the end of the retention means for those who read, and for those who bring the past back."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute

PAST_LOCK: Final = 7_102_004
"""The advisory lock on the past: upkeep holds it alone while it ends and drops what is over."""

KEPT_FROM: Final = """(SELECT ringback_floor(now() - make_interval(days => retention_days))
    FROM tenants WHERE id = ringback_tenant_id())"""
"""The least ID that the tenant still sees, in the tenant's role: what is below is hidden until it is gone."""


async def hold_past(tx: AsyncConnection) -> None:
    """Keep upkeep from dropping what this transaction is about to send again; call it before looking for it.

    Reopening and replaying begin with this: what they find after it stays until they have committed.
    """
    await execute(tx, "SELECT pg_advisory_xact_lock_shared(:lock)", lock=PAST_LOCK)
