"""The statement that reads the filters of endpoints, in the engine's role."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all
from core.model.json_value import JsonValue


@dataclass(frozen=True, slots=True)
class FilterRow:
    """An endpoint that has a filter."""

    id: UUID
    tenant_id: UUID
    event_types: Sequence[str]
    filter: JsonValue
    filter_version: int


async def read_filters(tx: AsyncConnection, *, tenants: Sequence[UUID], hold: bool = False) -> tuple[FilterRow, ...]:
    """Return the living endpoints of these tenants that have a filter, by `endpoints_living_idx`.

    They stay as they are until the end of the transaction, if told to `hold` them.
    """
    sql = f"""
    SELECT id, tenant_id, event_types, filter, filter_version FROM endpoints
    WHERE tenant_id = ANY(CAST(:tenants AS UUID[])) AND filter IS NOT NULL AND deleted_at IS NULL
    {"ORDER BY id FOR SHARE" if hold else ""}
    """
    return await fetch_all(tx, FilterRow, sql, tenants=list(tenants))
