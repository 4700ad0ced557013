"""Register what tenants bring: tenants themselves, keys, endpoints, and their secrets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock
from core.database import Database
from core.model.api_key import hash_api_key, last_four, new_api_key
from core.model.errors import ConflictError, FieldError, GoneError, InvalidInputError, LimitReachedError, NotFoundError
from core.model.header_rules import InvalidHeaderError, check_headers
from core.model.ids import EndpointId, KeyId, SecretId, TenantId, new_uuid7
from core.model.sealing import KeyRing
from core.model.signature import InvalidSecretError, Scheme, SigningKey, format_secret, new_secret, parse_secret
from core.once import EVERY_TIME, Kept, Once
from core.registry import queries
from core.registry.callbacks import Callbacks
from core.registry.endpoints import EndpointRecord, NewEndpoint
from core.registry.rotation_queries import lock_secrets, retire_secrets
from core.registry.secrets import HEADERS, SecretRecord, open_secret, seal_secret
from core.registry.tenants import OWNER_SCOPES, KeyRecord, TenantLimits, TenantRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWish:
    """An endpoint as a partner asks for it, not checked yet; the schedule and the timeout are in seconds."""

    url: str
    event_types: Sequence[str]
    description: str | None
    secret: str | None
    headers: Mapping[str, str]
    max_in_flight: int
    retry_schedule: Sequence[int] | None
    timeout: int | None
    metadata: Mapping[str, str]
    owner: str | None = None


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

    def __init__(self, database: Database, ring: KeyRing, callbacks: Callbacks) -> None:
        self._database: Final = database
        self._ring: Final = ring
        self._callbacks: Final = callbacks

    async def tenant(self, slug: str, name: str, limits: TenantLimits, once: Once = EVERY_TIME) -> TenantRecord:
        """Make a tenant with its default signing secret; raise `ConflictError` if the slug is taken."""
        tenant_id = TenantId(self._new_id())
        async with self._database.engine() as tx:
            if kept := await once.take(tx, tenant_id):
                return _still(await queries.read_tenant(tx, tenant_id=TenantId(kept.made)))
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
        with an owner cannot hold.
        """
        if wish.owner is not None and (beyond := set(wish.scopes) - OWNER_SCOPES):
            detail = f"A key with an owner cannot hold {min(beyond)}."
            raise InvalidInputError(FieldError("/scopes" if wish.role is None else "/role", detail))
        text = new_api_key()
        record = self._new_key(tenant_id, wish, text)
        async with self._database.tenant(tenant_id, within) as tx:
            if kept := await once.take(tx, record.id):
                return _still(await queries.read_key(tx, key_id=KeyId(kept.made))), None
            await queries.insert_key(tx, key=record, hash_=hash_api_key(text))
        return record, text

    async def endpoint(
        self, tenant_id: TenantId, wish: EndpointWish, once: Once = EVERY_TIME, *, within: str | None = None
    ) -> tuple[EndpointRecord, str]:
        """Register an endpoint; return it with its secret.

        `within` is the owner of the key that asks, if it has one. Raises `InvalidInputError` for a URL, header or
        secret that is not allowed, `LimitReachedError` for one endpoint too many.
        """
        if once.kept is not None:
            return await self._endpoint_again(tenant_id, once.kept, within)
        key = signing_key(wish.secret)
        headers = _checked_headers(wish.headers)
        url = await self._callbacks.check(wish.url, pointer="/url", tenant_id=tenant_id)
        new = self._new_endpoint(tenant_id, wish, url, headers)
        async with self._database.tenant(tenant_id, within) as tx:
            kept = await once.take(tx, new.id)
            made = None if kept else await _insert_endpoint(tx, new, self._sealed(key, tenant_id, new.id))
        if made is None:
            return await self._endpoint_again(tenant_id, kept, within)
        return made, format_secret(key)

    async def _endpoint_again(
        self, tenant_id: TenantId, kept: Kept | None, within: str | None
    ) -> tuple[EndpointRecord, str]:
        if kept is None:
            raise NotFoundError("tenant")
        async with self._database.tenant(tenant_id, within) as tx:
            found = _still(await queries.read_endpoint(tx, endpoint_id=EndpointId(kept.made)))
        return found, await self.secret(tenant_id, found.id, within=within)

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

    def headers(self, endpoint: EndpointRecord) -> dict[str, str]:
        """Open an endpoint's own headers."""
        if endpoint.sealed_headers is None:
            return {}
        place = {"tenant": endpoint.tenant_id, "row": endpoint.id}
        plain = self._ring.open(endpoint.sealed_headers, **place, column=HEADERS)
        return {str(name): str(value) for name, value in json.loads(plain).items()}

    def _new_id(self) -> UUID:
        return new_uuid7(self._database.unix_seconds())

    def _sealed(self, key: SigningKey, tenant_id: TenantId, endpoint_id: EndpointId | None) -> SecretRecord:
        secret_id = SecretId(self._new_id())
        return SecretRecord(
            id=secret_id,
            tenant_id=tenant_id,
            endpoint_id=endpoint_id,
            kind=key.scheme.value,
            sealed=seal_secret(self._ring, format_secret(key), tenant_id=tenant_id, secret_id=secret_id),
            created_at=clock.now(),
            expires_at=None,
        )

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

    def _new_endpoint(
        self, tenant_id: TenantId, wish: EndpointWish, url: str, headers: Mapping[str, str]
    ) -> NewEndpoint:
        endpoint_id = EndpointId(self._new_id())
        plain = json.dumps(dict(headers)).encode()
        sealed = self._ring.seal(plain, tenant=tenant_id, row=endpoint_id, column=HEADERS) if headers else None
        return NewEndpoint(
            id=endpoint_id,
            tenant_id=tenant_id,
            url=url,
            description=wish.description,
            event_types=list(wish.event_types),
            sealed_headers=sealed,
            max_in_flight=wish.max_in_flight,
            retry_schedule=None if wish.retry_schedule is None else list(wish.retry_schedule),
            timeout=wish.timeout,
            owner=wish.owner,
            metadata=wish.metadata,
        )


async def _insert_endpoint(tx: AsyncConnection, new: NewEndpoint, secret: SecretRecord) -> EndpointRecord | None:
    present, allowed = await queries.count_endpoints(tx)
    if present >= allowed:
        raise LimitReachedError(f"The tenant has its {allowed} endpoints.", policy="endpoints", quota=allowed)
    made = await queries.insert_endpoint(tx, endpoint=new)
    await queries.insert_secret(tx, secret=secret)
    return made


def _still(found: T | None) -> T:
    """Return what was made for a request that is answered again; raise `GoneError` if it is there no more."""
    if found is None:
        raise GoneError("What was made for this Idempotency-Key is there no more.")
    return found


def signing_key(secret: str | None, pointer: str = "/secret") -> SigningKey:
    """Read a client's own HMAC secret, or make one; raise `InvalidInputError` if it is malformed."""
    if secret is None:
        return new_secret()
    try:
        key = parse_secret(secret)
    except InvalidSecretError as error:
        raise InvalidInputError(FieldError(pointer, error.reason)) from None
    if key.scheme is not Scheme.HMAC:
        raise InvalidInputError(FieldError(pointer, "the secret must start with whsec_"))
    return key


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    try:
        return check_headers(headers)
    except InvalidHeaderError as error:
        raise InvalidInputError(FieldError(f"/headers/{error.name}", error.reason)) from None
