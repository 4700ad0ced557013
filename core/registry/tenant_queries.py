"""The statements that change and close tenants, in the engine's role: each names its tenant."""

from dataclasses import asdict
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_one
from core.model.endings import CANCELLED
from core.model.ids import TenantId
from core.model.parts import HANDED_OVER, PARTS_RUN
from core.registry.queries import TENANT_COLUMNS
from core.registry.tenants import TenantLimits, TenantRecord

REVOKED_AT_ONCE: Final = 5_000
"""Waiting tasks that end in the transaction of the answer; upkeep ends the rest, and none of them starts meanwhile."""


async def lock_tenant(tx: AsyncConnection, *, tenant_id: TenantId) -> TenantRecord | None:
    """Read a living tenant and hold back who else would change it, by the primary key."""
    sql = f"SELECT {TENANT_COLUMNS} FROM tenants WHERE id = :id AND deleted_at IS NULL FOR NO KEY UPDATE"
    return await fetch_one(tx, TenantRecord, sql, id=tenant_id)


async def update_tenant(
    tx: AsyncConnection, *, tenant_id: TenantId, slug: str, name: str, limits: TenantLimits
) -> TenantRecord | None:
    """Change a living tenant; the unique slug is the index's to judge."""
    sql = f"""
    UPDATE tenants SET slug = :slug, name = :name, requests_per_second = :requests_per_second,
        waiting_tasks = :waiting_tasks, running_tasks = :running_tasks, endpoints = :endpoints,
        retention_days = :retention_days
    WHERE id = :id AND deleted_at IS NULL RETURNING {TENANT_COLUMNS}
    """
    return await fetch_one(tx, TenantRecord, sql, id=tenant_id, slug=slug, name=name, **asdict(limits))


async def close_tenant(tx: AsyncConnection, *, tenant_id: TenantId) -> bool:
    """Mark a tenant and its endpoints as deleted; false if it is none or was closed before.

    Its slug is free again: what is left carries the ID in its place. No key of it is found any more
    (`core/registry/queries.py::find_key`), no task of it starts, nothing of it is claimed for sending.
    """
    sql = "UPDATE tenants SET deleted_at = now(), slug = CAST(id AS TEXT) WHERE id = :id AND deleted_at IS NULL"
    if await execute(tx, sql, id=tenant_id) == 0:
        return False
    ended = "UPDATE endpoints SET deleted_at = now(), updated_at = now() WHERE tenant_id = :id AND deleted_at IS NULL"
    await execute(tx, ended, id=tenant_id)
    return True


async def end_tasks(tx: AsyncConnection, *, tenant_id: TenantId, limit: int) -> int:
    """Revoke waiting tasks of a closed tenant, by `tasks_due_type_idx`, and ask what runs to end; tell nobody.

    Returns how many were revoked.
    """
    asked = f"""
    UPDATE tasks SET cancel_asked_at = now(),
        lease_until = CASE WHEN leased_by IN ('{HANDED_OVER}', '{PARTS_RUN}') THEN now() ELSE lease_until END
    WHERE tenant_id = :id AND lease_until IS NOT NULL AND cancel_asked_at IS NULL
    """
    await execute(tx, asked, id=tenant_id)
    sql = """
    UPDATE tasks SET status = 'REVOKED', error_code = :code, error_title = :title, error_detail = :detail,
        cancel_asked_at = now(), due_at = NULL, published_until = NULL, finished_at = now()
    WHERE id IN (SELECT id FROM tasks WHERE tenant_id = :id AND due_at IS NOT NULL LIMIT :limit FOR UPDATE SKIP LOCKED)
    """
    values = {"code": CANCELLED.error_code, "title": CANCELLED.error_title, "detail": CANCELLED.error_detail}
    return await execute(tx, sql, id=tenant_id, limit=limit, **values)
