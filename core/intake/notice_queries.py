"""Who hears of what happens to endpoints and deliveries."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_all
from core.model.ids import TenantId
from core.model.matching import subscriptions_of


@dataclass(frozen=True, slots=True)
class _Tenant:
    id: TenantId


async def tenants_that_ask(tx: AsyncConnection, *, type_: str, tenant_ids: Iterable[TenantId]) -> frozenset[TenantId]:
    """Return which tenants have an endpoint that asks for a type, in the engine's role.

    By `endpoints_living_idx`, once for a tenant and not once for an event: mostly nobody asks, and a thousand
    deliveries that are given up together cost no more than one.
    """
    sql = """
    SELECT t.id FROM unnest(CAST(:tenants AS UUID[])) t(id) WHERE EXISTS (
        SELECT FROM endpoints e WHERE e.tenant_id = t.id AND e.deleted_at IS NULL
            AND e.event_types && CAST(:patterns AS TEXT[]))
    """
    found = await fetch_all(tx, _Tenant, sql, tenants=list(set(tenant_ids)), patterns=list(subscriptions_of(type_)))
    return frozenset(one.id for one in found)
