"""The statements of the catalogue of event types, in the tenant's role; each carries the tenant itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.registry.event_types import EventTypeRecord, EventTypeWish

ROOM: Final = 1024 * 1024
"""Bytes of schemas and examples from which on a page ends: they are parsed and written out in one turn of the loop."""
_COLUMNS: Final = "name, description, schema, example, created_at, updated_at"
_SIZE: Final = "coalesce(octet_length(CAST(p.schema AS TEXT)), 0) + coalesce(octet_length(CAST(p.example AS TEXT)), 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Put(EventTypeRecord):
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed(EventTypeRecord):
    is_full: bool


@dataclass(frozen=True, slots=True)
class _Present:
    present: int


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """Which schema a type has: another one if it was changed since."""

    name: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FoundSchema:
    """The schema of a type, and since when it is so."""

    schema: Mapping[str, JsonValue]
    updated_at: datetime


async def put_event_type(
    tx: AsyncConnection, *, tenant_id: TenantId, wish: EventTypeWish
) -> tuple[EventTypeRecord, bool]:
    """Describe a type, or describe it anew, by the primary key; return it, and whether it is new.

    Two that come at once wait for each other, so that the time of the change tells versions apart.
    """
    sql = f"""
    INSERT INTO event_types AS t (tenant_id, name, description, schema, example)
    VALUES (:tenant_id, :name, :description, CAST(:schema AS JSONB), CAST(:example AS JSONB))
    ON CONFLICT (tenant_id, name) DO UPDATE SET description = excluded.description, schema = excluded.schema,
        example = excluded.example, updated_at = greatest(clock_timestamp(), t.updated_at + INTERVAL '1 microsecond')
    RETURNING {_COLUMNS}, xmax = 0 AS is_new
    """
    values = {"schema": _text(wish.schema), "example": _text(wish.example)}
    named = {"tenant_id": tenant_id, "name": wish.name, "description": wish.description}
    (put,) = await fetch_all(tx, _Put, sql, **named, **values)
    return put, put.is_new


async def count_other_types(tx: AsyncConnection, *, tenant_id: TenantId, name: str) -> int:
    """Count a tenant's types beside that one, by the primary key."""
    sql = "SELECT count(*)::INTEGER AS present FROM event_types WHERE tenant_id = :tenant_id AND name <> :name"
    found = await fetch_one(tx, _Present, sql, tenant_id=tenant_id, name=name)
    return 0 if found is None else found.present


async def read_event_type(tx: AsyncConnection, *, tenant_id: TenantId, name: str) -> EventTypeRecord | None:
    """Look up a type by the primary key."""
    sql = f"SELECT {_COLUMNS} FROM event_types WHERE tenant_id = :tenant_id AND name = :name"
    return await fetch_one(tx, EventTypeRecord, sql, tenant_id=tenant_id, name=name)


async def list_event_types(
    tx: AsyncConnection, *, tenant_id: TenantId, after: str, limit: int
) -> tuple[Sequence[EventTypeRecord], bool]:
    """List types by their names, by the primary key; say whether the page is full although `limit` is not reached.

    There are no more once their schemas and examples come to `ROOM` bytes, as text.
    """
    sql = f"""
    SELECT {_COLUMNS}, above + size >= {ROOM} AS is_full FROM (
        SELECT p.*, sum(size) OVER (ORDER BY name) - size AS above FROM (
            SELECT p.*, {_SIZE} AS size FROM (
                SELECT * FROM event_types WHERE tenant_id = :tenant_id AND name > :after ORDER BY name LIMIT :limit
            ) p) p) p
    WHERE above < {ROOM} ORDER BY name
    """
    found = await fetch_all(tx, _Listed, sql, tenant_id=tenant_id, after=after, limit=limit)
    return found, bool(found) and found[-1].is_full


async def delete_event_type(tx: AsyncConnection, *, tenant_id: TenantId, name: str) -> bool:
    """Forget a type, by the primary key; false if there is none."""
    sql = "DELETE FROM event_types WHERE tenant_id = :tenant_id AND name = :name"
    return await execute(tx, sql, tenant_id=tenant_id, name=name) > 0


async def list_schema_versions(tx: AsyncConnection, *, tenant_id: TenantId) -> tuple[SchemaVersion, ...]:
    """List which types have a schema, by the primary key: the schemas themselves, which lie apart, are not read."""
    sql = "SELECT name, updated_at FROM event_types WHERE tenant_id = :tenant_id AND schema IS NOT NULL"
    return await fetch_all(tx, SchemaVersion, sql, tenant_id=tenant_id)


async def read_schema(tx: AsyncConnection, *, tenant_id: TenantId, name: str) -> FoundSchema | None:
    """Look up the schema of a type by the primary key."""
    sql = """
    SELECT schema, updated_at FROM event_types WHERE tenant_id = :tenant_id AND name = :name AND schema IS NOT NULL
    """
    return await fetch_one(tx, FoundSchema, sql, tenant_id=tenant_id, name=name)


def _text(value: JsonValue) -> str | None:
    return None if value is None else json.dumps(value)
