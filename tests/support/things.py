"""One of everything that a path of the API can name, for a tenant or for one of its owners."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.model import ids, tables
from core.model.ids import SecretId, TenantId
from core.model.sealing import KeyRing
from core.model.signature import format_secret, new_secret
from core.registry.secrets import seal_secret
from tests.support.rows import Rows
from tests.support.stack import SECRET_KEYS


@dataclass(frozen=True)
class Place:
    """Where things are made: an endpoint, and a delivery to it."""

    rows: Rows
    tenant: TenantId
    owner: str | None
    endpoint: UUID
    delivery: UUID


async def _id_of(place: Place, sql: str) -> UUID:
    row = await place.rows.one(sql, id=place.delivery)
    return UUID(str(row["id"]))


async def _key(place: Place) -> UUID:
    row = await place.rows.put(tables.api_keys, place.tenant, owner=place.owner)
    return UUID(str(row["id"]))


async def _link(place: Place) -> UUID:
    row = await place.rows.put(tables.portal_links, place.tenant, owner=place.owner or "nobody")
    return UUID(str(row["id"]))


async def _endpoint(place: Place) -> UUID:
    return place.endpoint


async def _delivery(place: Place) -> UUID:
    return place.delivery


async def _named(place: Place) -> str:
    row = await place.rows.put(tables.event_types, place.tenant, description="theirs alone")
    return str(row["name"])


async def _task(place: Place) -> UUID:
    return await place.rows.task(place.tenant)


async def _event(place: Place) -> UUID:
    return await _id_of(place, "SELECT event_id AS id FROM deliveries WHERE id = :id")


async def _tenant(place: Place) -> UUID:
    return place.tenant


_MAKERS: Final[Mapping[str, tuple[str, Callable[[Place], Awaitable[UUID | str]]]]] = {
    "task": (ids.TASK, _task),
    "endpoint": (ids.ENDPOINT, _endpoint),
    "delivery": (ids.DELIVERY, _delivery),
    "event": (ids.EVENT, _event),
    "key": (ids.KEY, _key),
    "link": (ids.LINK, _link),
    "tenant": (ids.TENANT, _tenant),
    "name": ("", _named),  # of an event type
}


async def things_of(rows: Rows, tenant: TenantId, owner: str | None = None) -> dict[str, str]:
    """Make one of everything, with an attempt and a secret; return their public IDs by the names that paths use."""
    endpoint = await rows.endpoint(tenant, owner=owner)
    delivery = await rows.delivery(tenant, endpoint)
    await rows.put(tables.secrets, tenant, endpoint_id=endpoint, **_secret(tenant, rows.new_id()))
    await rows.put(tables.attempts, tenant, delivery_id=delivery)
    place = Place(rows, tenant, owner, endpoint, delivery)
    made = {name: (prefix, await make(place)) for name, (prefix, make) in _MAKERS.items()}
    return {name: ids.encode(prefix, id_) if isinstance(id_, UUID) else id_ for name, (prefix, id_) in made.items()}


def _secret(tenant: TenantId, secret_id: UUID) -> dict[str, object]:
    """Return a signing secret that opens, for a row of that ID."""
    ring, text = KeyRing(SECRET_KEYS), format_secret(new_secret())
    return {"id": secret_id, "sealed": seal_secret(ring, text, tenant_id=tenant, secret_id=SecretId(secret_id))}


async def everything(rows: Rows, tenant: TenantId) -> list[object]:
    """Return all rows of a tenant."""
    names = [table.name for table in tables.metadata.sorted_tables if "tenant_id" in table.c]
    sql = "SELECT t.* FROM {} t WHERE tenant_id = :id ORDER BY t::TEXT"
    own = await rows.all("SELECT * FROM tenants WHERE id = :id", id=tenant)
    return [own, *[await rows.all(sql.format(name), id=tenant) for name in names]]
