"""What the operator does to tenants that are there: change them, close them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError

from core.database import Database, is_taken
from core.model.errors import ConflictError, NotFoundError
from core.model.ids import TenantId
from core.registry.queries import find_tenant
from core.registry.tenant_queries import REVOKED_AT_ONCE, close_tenant, end_tasks, lock_tenant, update_tenant
from core.registry.tenants import TenantLimits, TenantRecord


@dataclass(frozen=True, slots=True)
class TenantWish:
    """A tenant as the operator wants it."""

    slug: str
    name: str
    limits: TenantLimits


class TenantChanges:
    """Changes tenants in the engine's role."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def change(self, name: str, revise: Callable[[TenantRecord], TenantWish]) -> TenantRecord:
        """Change a tenant, named by ID or slug, to what `revise` makes of it; of two changes one comes after the other.

        Raises `NotFoundError`, `ConflictError` if the slug is taken, and what `revise` raises.
        """
        tenant_id = await self._named(name)
        try:
            async with self._database.engine() as tx:
                present = await lock_tenant(tx, tenant_id=tenant_id)
                if present is None:
                    raise NotFoundError("tenant")
                wish = revise(present)
                changed = await update_tenant(
                    tx, tenant_id=tenant_id, slug=wish.slug, name=wish.name, limits=wish.limits
                )
        except IntegrityError as error:
            if is_taken(error):
                raise ConflictError("There is a tenant of this slug already.") from None
            raise
        return changed or present

    async def close(self, name: str) -> TenantId:
        """Close a tenant, named by ID or slug, for good; raise `NotFoundError` if there is none.

        Its keys, endpoints and waiting tasks end with the commit; its data is erased by upkeep.
        """
        tenant_id = await self._named(name)
        async with self._database.engine() as tx:
            if not await close_tenant(tx, tenant_id=tenant_id):
                raise NotFoundError("tenant")
            await end_tasks(tx, tenant_id=tenant_id, limit=REVOKED_AT_ONCE)
        return tenant_id

    async def _named(self, name: str) -> TenantId:
        async with self._database.engine() as tx:
            found = await find_tenant(tx, name=name)
        if found is None:
            raise NotFoundError("tenant")
        return found.id
