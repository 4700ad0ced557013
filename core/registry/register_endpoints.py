"""Register endpoints, change them, and keep their secrets."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.model.errors import ConflictError, FieldError, InvalidInputError, LimitReachedError, NotFoundError
from core.model.filters import parse_filter
from core.model.header_rules import InvalidHeaderError, check_headers, unmask
from core.model.ids import EndpointId, TenantId, new_uuid7
from core.model.json_value import JsonValue
from core.model.sealing import KeyRing
from core.model.signature import Scheme, SigningKey, new_secret, parse_secret, public_key
from core.once import EVERY_TIME, Kept, Once
from core.registry import endpoint_queries, queries
from core.registry.callbacks import Callbacks
from core.registry.endpoints import EndpointRecord, EndpointValues, EndpointWish
from core.registry.register import still
from core.registry.renewal import OVERLAP, ShownSecret, new_record, show, signing_key
from core.registry.rotation_queries import lock_secrets, retire_secrets
from core.registry.secrets import HEADERS, SecretRecord, open_secret

TRIES: Final = 5
"""How often a change begins anew because somebody else's came first."""
FIRST_AGAIN: Final = 1_000
"""Deliveries that are sent at once when an endpoint is enabled again; what was published beyond follows in 30 s."""

_SIGNED_BY: Final = "secret_id"
_PULLED: Final = "An endpoint that is pulled from sends no requests: it has none."

Revise = Callable[[EndpointRecord], EndpointWish]


class EndpointRegistrar:
    """Opens its own short transactions, none of them while a name is resolved.

    `owner` is the caller's: with one, the endpoints of others are not found.
    """

    def __init__(self, database: Database, ring: KeyRing, callbacks: Callbacks) -> None:
        self._database: Final = database
        self._ring: Final = ring
        self._callbacks: Final = callbacks

    async def create(
        self,
        tenant_id: TenantId,
        wish: EndpointWish,
        once: Once = EVERY_TIME,
        *,
        secret: str | None = None,
        within: str | None = None,
    ) -> tuple[EndpointRecord, ShownSecret]:
        """Register an endpoint; return it with its secret, made if none is brought.

        `within` is the caller's owner. Raises `InvalidInputError` for a URL, header, filter or secret that is not
        allowed, `LimitReachedError` for one endpoint too many.
        """
        if once.kept is not None:
            return await self._again(tenant_id, once.kept, within)
        key = signing_key(secret, wish.signature)
        endpoint_id = EndpointId(new_uuid7(self._database.unix_seconds()))
        _check_mode(wish)
        headers = _checked_headers(wish.headers, {})
        url = await self._checked_url(wish, tenant_id)
        sealed = self._sealed(headers, tenant_id, endpoint_id)
        values = _values(wish, url=url, sealed_headers=sealed, public=public_key(key))
        async with self._database.tenant(tenant_id, within) as tx:
            kept = await once.take(tx, endpoint_id)
            made = None if kept else await _insert(tx, tenant_id, endpoint_id, values)
            if made is not None:
                await self._keep(tx, made, key, once)
        return (made, show(key)) if made is not None else await self._again(tenant_id, kept, within)

    async def _again(
        self, tenant_id: TenantId, kept: Kept | None, within: str | None
    ) -> tuple[EndpointRecord, ShownSecret]:
        """Return what a request has made, and its secret unless another one has taken its place since."""
        if kept is None:
            raise NotFoundError("tenant")
        async with self._database.tenant(tenant_id, within) as tx:
            found = still(await queries.read_endpoint(tx, endpoint_id=EndpointId(kept.made)))
            sealed = await queries.read_secret(tx, endpoint_id=found.id)
        if sealed is None or str(sealed.id) != kept.more.get(_SIGNED_BY):
            return found, ShownSecret(None, found.public_key)
        return found, self._opened(sealed, tenant_id)

    async def change(
        self, tenant_id: TenantId, owner: str | None, endpoint_id: EndpointId, revise: Revise
    ) -> EndpointRecord:
        """Change an endpoint as `revise` says, which is given it as it is, again if somebody else's change came first.

        A new kind of signature makes a new secret; the old one signs for the overlap of a rotation. Raises what
        `create` does, and `ConflictError` where others never leave a gap.
        """
        for _ in range(TRIES):
            async with self._database.tenant(tenant_id, owner) as tx:
                seen = _found(await queries.read_endpoint(tx, endpoint_id=endpoint_id))
            wish = revise(seen)
            if changed := await self._write(seen, wish, owner):
                return changed
        raise ConflictError("Others change the endpoint all the time; try again.")

    async def rotate(
        self,
        tenant_id: TenantId,
        owner: str | None,
        endpoint_id: EndpointId,
        once: Once = EVERY_TIME,
        *,
        overlap: int = OVERLAP,
        secret: str | None = None,
    ) -> ShownSecret:
        """Replace an endpoint's secret; the old one signs beside the new for `overlap` seconds more.

        A replay returns no secret once it was replaced. Raises `InvalidInputError` for a secret of another kind.
        """
        async with self._database.tenant(tenant_id, owner) as tx:
            kept = await once.take(tx, endpoint_id)
            if not kept:
                seen = _found(await endpoint_queries.lock_endpoint(tx, endpoint_id=endpoint_id))
                key = signing_key(secret, Scheme(seen.signature))
                await endpoint_queries.set_public_key(tx, endpoint_id=endpoint_id, public_key=public_key(key))
                await self._renew(tx, seen, key, overlap, once)
                return show(key)
        _, shown = await self._again(tenant_id, kept, owner)
        return shown

    async def pause(
        self, tenant_id: TenantId, owner: str | None, endpoint_id: EndpointId, once: Once = EVERY_TIME
    ) -> EndpointRecord:
        """Hold back an endpoint's deliveries; raise `ConflictError` if the platform has disabled it."""
        async with self._database.tenant(tenant_id, owner) as tx:
            kept = await once.take(tx, endpoint_id)
            if not kept and (paused := await endpoint_queries.pause_endpoint(tx, endpoint_id=endpoint_id)):
                return paused
            read = await queries.read_endpoint(tx, endpoint_id=endpoint_id)
            found = still(read) if kept else _found(read)
            if found.status == "disabled" and not kept:
                raise ConflictError("The endpoint is disabled: nothing is sent to it until it is enabled.")
        return found

    async def enable(
        self, tenant_id: TenantId, owner: str | None, endpoint_id: EndpointId, once: Once = EVERY_TIME
    ) -> EndpointRecord:
        """Send to an endpoint again that was paused or disabled."""
        async with self._database.tenant(tenant_id, owner) as tx:
            kept = await once.take(tx, endpoint_id)
            enabled = None if kept else await endpoint_queries.enable_endpoint(tx, endpoint_id=endpoint_id)
            if enabled is None:
                read = await queries.read_endpoint(tx, endpoint_id=endpoint_id)
                return still(read) if kept else _found(read)
            await endpoint_queries.take_back(tx, endpoint_id=endpoint_id, limit=FIRST_AGAIN)
        return enabled

    async def delete(self, tenant_id: TenantId, owner: str | None, endpoint_id: EndpointId) -> None:
        """Delete an endpoint with its secrets; what waits for it is cancelled, as the feeder comes to it."""
        async with self._database.tenant(tenant_id, owner) as tx:
            if not await endpoint_queries.delete_endpoint(tx, endpoint_id=endpoint_id):
                raise NotFoundError("endpoint")
            await endpoint_queries.delete_secrets(tx, endpoint_id=endpoint_id)

    async def secret(self, tenant_id: TenantId, owner: str | None, endpoint_id: EndpointId) -> ShownSecret:
        """Return the present signing secret of an endpoint."""
        async with self._database.tenant(tenant_id, owner) as tx:
            _found(await queries.read_endpoint(tx, endpoint_id=endpoint_id))
            sealed = await queries.read_secret(tx, endpoint_id=endpoint_id)
        if sealed is None:
            raise NotFoundError("secret")
        return self._opened(sealed, tenant_id)

    def headers(self, endpoint: EndpointRecord) -> dict[str, str]:
        """Open an endpoint's own headers."""
        if endpoint.sealed_headers is None:
            return {}
        place = {"tenant": endpoint.tenant_id, "row": endpoint.id}
        plain = self._ring.open(endpoint.sealed_headers, **place, column=HEADERS)
        return {str(name): str(value) for name, value in json.loads(plain).items()}

    async def _write(self, seen: EndpointRecord, wish: EndpointWish, owner: str | None) -> EndpointRecord | None:
        tenant_id = seen.tenant_id
        _check_mode(wish)
        headers = _checked_headers(wish.headers, self.headers(seen))
        url = wish.url if wish.url == seen.url else await self._checked_url(wish, tenant_id)
        key = None if wish.signature == seen.signature else new_secret(wish.signature)
        sealed = self._sealed(headers, tenant_id, seen.id)
        public = seen.public_key if key is None else public_key(key)
        values = _values(wish, url=url, sealed_headers=sealed, public=public)
        async with self._database.tenant(tenant_id, owner) as tx:
            changed = await endpoint_queries.update_endpoint(tx, seen=seen, values=values)
            if changed is not None and key is not None:
                await self._renew(tx, changed, key, OVERLAP)
        return changed

    async def _renew(
        self, tx: AsyncConnection, endpoint: EndpointRecord, key: SigningKey, overlap: int, once: Once = EVERY_TIME
    ) -> None:
        await lock_secrets(tx, tenant_id=endpoint.tenant_id, endpoint_id=endpoint.id)
        await retire_secrets(tx, endpoint_id=endpoint.id, overlap=overlap)
        await self._keep(tx, endpoint, key, once)

    async def _keep(self, tx: AsyncConnection, endpoint: EndpointRecord, key: SigningKey, once: Once) -> None:
        """Keep a secret, and by which one the request can be answered again."""
        made = self._new_secret(endpoint, key)
        await queries.insert_secret(tx, secret=made)
        await once.note(tx, endpoint.id, {_SIGNED_BY: str(made.id)})

    def _opened(self, sealed: SecretRecord, tenant_id: TenantId) -> ShownSecret:
        return show(parse_secret(open_secret(self._ring, sealed.sealed, tenant_id=tenant_id, secret_id=sealed.id)))

    async def _checked_url(self, wish: EndpointWish, tenant_id: TenantId) -> str:
        """Return where events are pushed to, or the empty text for what is pulled from."""
        return await self._callbacks.check(wish.url, pointer="/url", tenant_id=tenant_id) if wish.url else ""

    def _new_secret(self, endpoint: EndpointRecord, key: SigningKey) -> SecretRecord:
        at = self._database.unix_seconds()
        return new_record(self._ring, key, tenant_id=endpoint.tenant_id, endpoint_id=endpoint.id, unix_seconds=at)

    def _sealed(self, headers: Mapping[str, str], tenant_id: TenantId, endpoint_id: EndpointId) -> bytes | None:
        plain = json.dumps(dict(headers)).encode()
        return self._ring.seal(plain, tenant=tenant_id, row=endpoint_id, column=HEADERS) if headers else None


async def _insert(
    tx: AsyncConnection, tenant_id: TenantId, endpoint_id: EndpointId, values: EndpointValues
) -> EndpointRecord | None:
    present, allowed = await queries.count_endpoints(tx)
    if present >= allowed:
        raise LimitReachedError(f"The tenant has its {allowed} endpoints.", policy="endpoints", quota=allowed)
    return await endpoint_queries.insert_endpoint(tx, endpoint_id=endpoint_id, tenant_id=tenant_id, values=values)


def _found(endpoint: EndpointRecord | None) -> EndpointRecord:
    if endpoint is None:
        raise NotFoundError("endpoint")
    return endpoint


def _check_mode(wish: EndpointWish) -> None:
    if wish.mode == "push" and not wish.url:
        raise InvalidInputError(FieldError("/url", "Where are events to be pushed to?"))
    if wish.mode == "pull" and (wish.url or wish.headers):
        errors = [FieldError(f"/{name}", _PULLED) for name in ("url", "headers") if getattr(wish, name)]
        raise InvalidInputError(*errors)


def _checked_headers(headers: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    try:
        return check_headers(unmask(headers, stored))
    except InvalidHeaderError as error:
        name = error.name.replace("~", "~0").replace("/", "~1")
        raise InvalidInputError(FieldError(f"/headers/{name}", error.reason)) from None


def _values(wish: EndpointWish, *, url: str, sealed_headers: bytes | None, public: str | None) -> EndpointValues:
    return EndpointValues(
        url=url,
        mode=wish.mode,
        description=wish.description,
        event_types=list(wish.event_types),
        sealed_headers=sealed_headers,
        signature=wish.signature.value,
        public_key=public,
        rate_limit=wish.rate_limit,
        max_in_flight=wish.max_in_flight,
        ordering=wish.ordering,
        retry_schedule=None if wish.retry_schedule is None else list(wish.retry_schedule),
        timeout=wish.timeout,
        send_traceparent=wish.send_traceparent,
        filter=_checked_filter(wish.filter),
        owner=wish.owner,
        metadata=wish.metadata,
    )


def _checked_filter(value: JsonValue) -> JsonValue:
    if value is not None:
        parse_filter(value)
    if _has_nul(value):
        raise InvalidInputError(FieldError("/filter", "It holds a character that cannot be kept."))
    return value


def _has_nul(value: JsonValue) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, Sequence) and any(_has_nul(part) for part in value)
