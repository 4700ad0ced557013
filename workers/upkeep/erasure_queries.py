"""The statements that erase a closed tenant, in the engine's role, a batch at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.model.ids import TaskId, TenantId
from core.model.tables import metadata

GRACE: Final = 60
"""Seconds after its end in which a tenant's last requests and attempts come to theirs."""

_APART: Final = {"tenants", "tasks", "task_markers", "deliveries", "attempts"}
_REST: Final = [
    table for table in reversed(metadata.sorted_tables) if "tenant_id" in table.c and table.name not in _APART
]
"""All others, those that come later too, in an order that foreign keys allow."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A tenant whose data is to go."""

    id: TenantId


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that has ended, with the number of its last run."""

    id: TaskId
    run: int


async def take_closed(tx: AsyncConnection, *, but: Collection[TenantId] = ()) -> TenantId | None:
    """Lock the tenant that was closed first, unless another process is at it; none of `but`."""
    sql = """
    SELECT id FROM tenants
    WHERE deleted_at < now() - make_interval(secs => :grace) AND id <> ALL(CAST(:but AS UUID[]))
    ORDER BY deleted_at LIMIT 1 FOR UPDATE SKIP LOCKED
    """
    found = await fetch_one(tx, Closed, sql, grace=GRACE, but=list(but))
    return None if found is None else found.id


async def list_ended(tx: AsyncConnection, *, tenant_id: TenantId, limit: int) -> tuple[Ended, ...]:
    """List tasks that have ended, by `tasks_tenant_id_id_idx`."""
    sql = "SELECT id, run FROM tasks WHERE tenant_id = :id AND finished_at IS NOT NULL ORDER BY id LIMIT :limit"
    return await fetch_all(tx, Ended, sql, id=tenant_id, limit=limit)


async def delete_tasks(tx: AsyncConnection, *, ids: Sequence[UUID]) -> int:
    """Delete tasks with their markers, by the primary keys."""
    return await execute(tx, "DELETE FROM tasks WHERE id = ANY(CAST(:ids AS UUID[]))", ids=list(ids))


async def delete_deliveries(tx: AsyncConnection, *, tenant_id: TenantId, limit: int) -> int:
    """Delete deliveries that are not on the wire, with their attempts, by `deliveries_tenant_id_id_idx`."""
    sql = """
    WITH gone AS (
        SELECT id FROM deliveries WHERE tenant_id = :id AND lease_until IS NULL
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    ), logged AS (
        DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM gone)
    )
    DELETE FROM deliveries WHERE id IN (SELECT id FROM gone)
    """
    return await execute(tx, sql, id=tenant_id, limit=limit)


async def on_the_wire(tx: AsyncConnection, *, tenant_id: TenantId) -> bool:
    """Tell whether a delivery is leased still: its attempt will be recorded beside its endpoint. Reads all leases."""
    sql = """
    SELECT d.id FROM leases x JOIN deliveries d ON d.id = x.delivery_id
    WHERE d.tenant_id = :id AND d.lease_until IS NOT NULL LIMIT 1
    """
    return await fetch_one(tx, _Id, sql, id=tenant_id) is not None


async def delete_rest(tx: AsyncConnection, *, tenant_id: TenantId, limit: int) -> int:
    """Delete rows of every other table, of each up to a limit, by the indexes and keys that begin with the tenant."""
    deleted = 0
    for table in _REST:
        key = ", ".join(column.name for column in table.primary_key)
        sql = f"""
        DELETE FROM {table.name} WHERE ({key}) IN (SELECT {key} FROM {table.name} WHERE tenant_id = :id LIMIT :limit)
        """
        deleted += await execute(tx, sql, id=tenant_id, limit=limit)
    return deleted


async def delete_tenant(tx: AsyncConnection, *, tenant_id: TenantId) -> bool:
    """Delete the tenant itself, unless a task or a delivery of it is under way still."""
    sql = """
    DELETE FROM tenants n WHERE id = :id AND NOT EXISTS (SELECT FROM tasks WHERE tenant_id = n.id)
        AND NOT EXISTS (SELECT FROM deliveries WHERE tenant_id = n.id)
    """
    return await execute(tx, sql, id=tenant_id) == 1
