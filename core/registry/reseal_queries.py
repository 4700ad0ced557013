"""The statements that seal values anew, in the engine's role, by the primary key of each table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all
from core.registry.secrets import HEADERS, SIGNING, TASK_SIGNING


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds sealed values; `name` is what they are bound to, beside tenant and row."""

    name: str
    table: str
    column: str


PLACES: Final = (
    Place(SIGNING, "secrets", "sealed"),
    Place(HEADERS, "endpoints", "sealed_headers"),
    Place(TASK_SIGNING, "tasks", "sealed_webhook_secret"),
)


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A row's sealed value; `stale` if it is sealed under another key than the newest, `sealed` only then."""

    id: UUID
    tenant_id: UUID
    stale: bool
    sealed: bytes | None


async def read_sealed(
    tx: AsyncConnection, *, place: Place, newest: bytes, after: UUID, limit: int
) -> tuple[SealedValue, ...]:
    """Return the next `limit` rows, in the order of their IDs, whether they hold a value or not."""
    sql = f"""
    SELECT id, tenant_id, coalesce(stale, false) AS stale, CASE WHEN stale THEN sealed END AS sealed FROM (
        SELECT id, tenant_id, {place.column} AS sealed,
               substring({place.column} FROM 1 FOR length(CAST(:newest AS BYTEA))) <> :newest AS stale
        FROM {place.table} WHERE id > :after ORDER BY id LIMIT :limit) s
    ORDER BY id
    """
    return await fetch_all(tx, SealedValue, sql, newest=newest, after=after, limit=limit)


async def replace_sealed(
    tx: AsyncConnection, *, place: Place, ids: Sequence[UUID], old: Sequence[bytes], new: Sequence[bytes]
) -> int:
    """Put a new value in the place of each old one that is still there; return how many were.

    A value that was changed meanwhile was sealed by whoever changed it.
    """
    sql = f"""
    WITH given AS (
        SELECT * FROM unnest(CAST(:ids AS UUID[]), CAST(:old AS BYTEA[]), CAST(:new AS BYTEA[])) AS g(id, old, new)
    ), locked AS (
        SELECT t.id FROM {place.table} t JOIN given g ON g.id = t.id ORDER BY t.id FOR UPDATE OF t
    )
    UPDATE {place.table} t SET {place.column} = g.new FROM given g JOIN locked l ON l.id = g.id
    WHERE t.id = g.id AND t.{place.column} = g.old
    """
    return await execute(tx, sql, ids=list(ids), old=list(old), new=list(new))
