"""The statements that make and change endpoints and their secrets, in the tenant's role."""

import json
from dataclasses import asdict
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_one
from core.model.ids import EndpointId, TenantId
from core.registry.endpoints import COLUMNS, VALUES, EndpointRecord, EndpointValues

_JSON: Final = frozenset({"filter", "metadata"})
_BOUND: Final = {name: f"CAST(:{name} AS JSONB)" if name in _JSON else f":{name}" for name in VALUES}
_LIVE: Final = "id = :id AND deleted_at IS NULL"


def _bound(values: EndpointValues) -> dict[str, object]:
    """Return what is bound: JSON as text, and no value at all where there is no filter."""
    wanted = values.filter
    bound: dict[str, object] = asdict(values)
    bound["filter"] = None if wanted is None else json.dumps(wanted)
    bound["metadata"] = json.dumps(dict(values.metadata))
    return bound


async def insert_endpoint(
    tx: AsyncConnection, *, endpoint_id: EndpointId, tenant_id: TenantId, values: EndpointValues
) -> EndpointRecord | None:
    """Insert an endpoint that is enabled."""
    sql = f"""
    INSERT INTO endpoints (id, tenant_id, status, {", ".join(VALUES)})
    VALUES (:id, :tenant_id, 'enabled', {", ".join(_BOUND.values())}) RETURNING {COLUMNS}
    """
    return await fetch_one(tx, EndpointRecord, sql, id=endpoint_id, tenant_id=tenant_id, **_bound(values))


async def update_endpoint(
    tx: AsyncConnection, *, seen: EndpointRecord, values: EndpointValues
) -> EndpointRecord | None:
    """Change an endpoint that is still as it was seen, by its primary key; `None` if it is not.

    Verdicts carry the version of the filter that they were made by: it moves with the filter and with nothing else.
    """
    sql = f"""
    UPDATE endpoints SET {", ".join(f"{name} = {bound}" for name, bound in _BOUND.items())},
        filter_version = filter_version + CAST(filter IS DISTINCT FROM {_BOUND["filter"]} AS INTEGER),
        updated_at = clock_timestamp()
    WHERE {_LIVE} AND updated_at = :seen_at RETURNING {COLUMNS}
    """
    return await fetch_one(tx, EndpointRecord, sql, id=seen.id, seen_at=seen.updated_at, **_bound(values))


async def lock_endpoint(tx: AsyncConnection, *, endpoint_id: EndpointId) -> EndpointRecord | None:
    """Look up a living endpoint by its primary key, and hold back all other changes of it until the commit."""
    sql = f"SELECT {COLUMNS} FROM endpoints WHERE {_LIVE} FOR UPDATE"
    return await fetch_one(tx, EndpointRecord, sql, id=endpoint_id)


async def set_public_key(tx: AsyncConnection, *, endpoint_id: EndpointId, public_key: str | None) -> None:
    """Note the public half of an endpoint's new key, or that there is none."""
    sql = f"UPDATE endpoints SET public_key = :public_key, updated_at = clock_timestamp() WHERE {_LIVE}"
    await execute(tx, sql, id=endpoint_id, public_key=public_key)


async def pause_endpoint(tx: AsyncConnection, *, endpoint_id: EndpointId) -> EndpointRecord | None:
    """Pause an endpoint that is enabled; `None` if it is not."""
    sql = f"""
    UPDATE endpoints SET status = 'paused', updated_at = clock_timestamp()
    WHERE {_LIVE} AND status = 'enabled' RETURNING {COLUMNS}
    """
    return await fetch_one(tx, EndpointRecord, sql, id=endpoint_id)


async def enable_endpoint(tx: AsyncConnection, *, endpoint_id: EndpointId) -> EndpointRecord | None:
    """Enable an endpoint that is not; `None` if it is. How long it has failed is counted from here on."""
    sql = f"""
    UPDATE endpoints SET status = 'enabled', disabled_reason = NULL, failing_since = NULL,
        updated_at = clock_timestamp()
    WHERE {_LIVE} AND status <> 'enabled' RETURNING {COLUMNS}
    """
    return await fetch_one(tx, EndpointRecord, sql, id=endpoint_id)


async def take_back(tx: AsyncConnection, *, endpoint_id: EndpointId, limit: int) -> int:
    """Have the feeder bring what was published while an endpoint was paused, the first first, by `deliveries_due_idx`.

    Deliverers dropped it, and until it was not known to be published any more it would wait for nothing.
    """
    sql = """
    UPDATE deliveries SET published_until = NULL WHERE id IN (
        SELECT id FROM deliveries
        WHERE lane = :id AND tenant_id = ringback_tenant_id() AND due_at <= now() AND lease_until IS NULL
            AND published_until > now() ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    """
    return await execute(tx, sql, id=endpoint_id, limit=limit)


async def delete_endpoint(tx: AsyncConnection, *, endpoint_id: EndpointId) -> bool:
    """Mark an endpoint as deleted, and forget its headers; what waits for it is cancelled by whoever meets it."""
    sql = f"""
    UPDATE endpoints SET deleted_at = now(), updated_at = clock_timestamp(), sealed_headers = NULL WHERE {_LIVE}
    """
    return await execute(tx, sql, id=endpoint_id) == 1


async def delete_secrets(tx: AsyncConnection, *, endpoint_id: EndpointId) -> None:
    """Delete an endpoint's secrets, by `secrets_tenant_id_endpoint_id_idx`: nothing will be signed for it again."""
    sql = "DELETE FROM secrets WHERE tenant_id = ringback_tenant_id() AND endpoint_id = :id"
    await execute(tx, sql, id=endpoint_id)
