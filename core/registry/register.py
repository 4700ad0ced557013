"""Register what tenants bring: tenants themselves, their keys and their default secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from core import clock
from core.database import Database
from core.model.api_key import hash_api_key, last_four, new_api_key
from core.model.errors import ConflictError, FieldError, GoneError, InvalidInputError, NotFoundError
from core.model.ids import EndpointId, KeyId, TenantId, new_uuid7
from core.model.sealing import KeyRing
from core.model.signature import SigningKey, new_secret
from core.once import EVERY_TIME, Once
from core.registry import queries
from core.registry.renewal import new_record
from core.registry.rotation_queries import lock_secrets, retire_secrets
from core.registry.secrets import SecretRecord, open_secret
from core.registry.tenants import OWNER_SCOPES, KeyRecord, TenantLimits, TenantRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWish:
    """A key as its maker asks for it."""

    name: str
    role: str | None
    scopes: Sequence[str]
    expires_at: datetime | None
    owner: str | None = None


class Registrar:
    """Registers; opens its own short transactions, none of them while a name is resolved."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database: Final = database
        self._ring: Final = ring

    async def tenant(self, slug: str, name: str, limits: TenantLimits, once: Once = EVERY_TIME) -> TenantRecord:
        """Make a tenant with its default signing secret; raise `ConflictError` if the slug is taken."""
        tenant_id = TenantId(self._new_id())
        async with self._database.engine() as tx:
            if kept := await once.take(tx, tenant_id):
                return still(await queries.read_tenant(tx, tenant_id=TenantId(kept.made)))
            made = await queries.insert_tenant(tx, tenant_id=tenant_id, slug=slug, name=name, limits=limits)
            if made is None:
                raise ConflictError(f"There is a tenant {slug} already.")
            await queries.insert_secret(tx, secret=self._sealed(new_secret(), tenant_id, None))
        return made

    async def key(
        self, tenant_id: TenantId, wish: KeyWish, once: Once = EVERY_TIME, *, within: str | None = None
    ) -> tuple[KeyRecord, str | None]:
        """Make an API key; return its record, and the key itself, which is not kept: a replay has none.

        `within` is the owner of the key that asks, if it has one. Raises `InvalidInputError` for a scope that a key
        with an owner cannot hold, and for an end that has passed, unless this is a replay.
        """
        if wish.owner is not None and (beyond := set(wish.scopes) - OWNER_SCOPES):
            detail = f"A key with an owner cannot hold {min(beyond)}."
            raise InvalidInputError(FieldError("/scopes" if wish.role is None else "/role", detail))
        text = new_api_key()
        record = self._new_key(tenant_id, wish, text)
        async with self._database.tenant(tenant_id, within) as tx:
            if kept := await once.take(tx, record.id):
                return still(await queries.read_key(tx, key_id=KeyId(kept.made))), None
            if record.expires_at is not None and record.expires_at <= record.created_at:
                raise InvalidInputError(FieldError("/expires_at", "It must lie in the future."))
            await queries.insert_key(tx, key=record, hash_=hash_api_key(text))
        return record, text

    async def rotate(
        self,
        tenant_id: TenantId,
        endpoint_id: EndpointId | None,
        *,
        overlap: int,
        key: SigningKey,
        once: Once = EVERY_TIME,
        within: str | None = None,
    ) -> str:
        """Make `key` the signing secret of an endpoint, or the tenant's default; return it as `secret` does.

        What signed until now signs beside it for `overlap` seconds more. A replay returns the present secret. Raises
        `NotFoundError` if there is no secret to rotate: no such endpoint, or not in `within`.
        """
        new = self._sealed(key, tenant_id, endpoint_id)
        async with self._database.tenant(tenant_id, within) as tx:
            if not await once.take(tx, new.id):
                await lock_secrets(tx, tenant_id=tenant_id, endpoint_id=endpoint_id)
                if not await retire_secrets(tx, endpoint_id=endpoint_id, overlap=overlap):
                    raise NotFoundError("secret")
                await queries.insert_secret(tx, secret=new)
        return await self.secret(tenant_id, endpoint_id, within=within)

    async def secret(self, tenant_id: TenantId, endpoint_id: EndpointId | None, *, within: str | None = None) -> str:
        """Return the present signing secret of an endpoint, or the tenant's default."""
        async with self._database.tenant(tenant_id, within) as tx:
            found = await queries.read_secret(tx, endpoint_id=endpoint_id)
        if found is None:
            raise NotFoundError("secret")
        return open_secret(self._ring, found.sealed, tenant_id=tenant_id, secret_id=found.id)

    def _new_id(self) -> UUID:
        return new_uuid7(self._database.unix_seconds())

    def _sealed(self, key: SigningKey, tenant_id: TenantId, endpoint_id: EndpointId | None) -> SecretRecord:
        at = self._database.unix_seconds()
        return new_record(self._ring, key, tenant_id=tenant_id, endpoint_id=endpoint_id, unix_seconds=at)

    def _new_key(self, tenant_id: TenantId, wish: KeyWish, text: str) -> KeyRecord:
        return KeyRecord(
            id=KeyId(self._new_id()),
            tenant_id=tenant_id,
            name=wish.name,
            role=wish.role,
            scopes=list(wish.scopes),
            owner=wish.owner,
            last_four=last_four(text),
            created_at=clock.now(),
            expires_at=wish.expires_at,
            last_used_at=None,
            revoked_at=None,
        )


def still(found: T | None) -> T:
    """Return what was made for a request that is answered again; raise `GoneError` if it is there no more."""
    if found is None:
        raise GoneError("What was made for this Idempotency-Key is there no more.")
    return found
