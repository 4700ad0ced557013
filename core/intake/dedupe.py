"""Idempotency keys: the first answer again, for 24 hours, whatever died in between (IETF draft -07).

A key is written in the transaction of what it protects. What is kept is the status and the ID of what was made, from
which the `Location` follows; the body is rebuilt from that, so that erased data stays erased and no secret is kept.
"""

import hashlib
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import is_lock_timeout
from core.intake.dedupe_queries import (
    KeyRow,
    claim_key,
    count_for_key,
    drop_expired_key,
    end_key,
    fill_key,
    read_key,
)
from core.model.errors import ConflictError, RingbackError
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.once import Kept

KEPT_FOR: Final = 24 * 60 * 60
KEY_LENGTH: Final = 255
PATH_LENGTH: Final = 1000
OPERATOR: Final = TenantId(UUID(int=0))
"""Whose keys those are that the operator sends without acting for a tenant."""

_UNDER_WAY: Final = "A request with this Idempotency-Key is still under way."


class KeyReusedError(RingbackError):
    """The key was used for another request."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a request with another body.")


class RequestKey(msgspec.Struct, frozen=True, gc=False):
    """An Idempotency-Key, for one tenant, owner, method and path, with the fingerprint of the body."""

    tenant_id: TenantId
    key: str
    fingerprint: bytes

    @classmethod
    def of(
        cls, tenant_id: TenantId, *, method: str, path: str, key: str, body: bytes, owner: str | None = None
    ) -> "RequestKey":
        """Make the key of a request.

        An owner's begin with its hash, by which row-level security knows them (`ringback_owner_prefix`); the others
        with the method, so that neither can be spelled as the other.
        """
        whose = "" if owner is None else f"{hashlib.sha256(owner.encode()).hexdigest()} "
        place = path if len(path) <= PATH_LENGTH else hashlib.sha256(path.encode()).hexdigest()
        return cls(tenant_id, f"{whose}{method} {place} {key}", hashlib.sha256(body).digest())


async def look(tx: AsyncConnection, key: RequestKey) -> Kept | None:
    """Return what was made for a key, without taking it; raise `KeyReusedError` for another body."""
    found = await _read(tx, key)
    return None if found is None else _kept(found)


async def claim(tx: AsyncConnection, key: RequestKey) -> Kept | None:
    """Take a key in this transaction; return what was made for it if somebody had it before.

    Waits for another request that holds the key until that commits. Raises `KeyReusedError` for another body,
    `ConflictError` if the first request is still under way after a second.
    """
    found = await _take(tx, key)
    if found is not None and found.status is None:
        raise ConflictError(_UNDER_WAY)
    return None if found is None else _kept(found)


async def begin(tx: AsyncConnection, key: RequestKey, made: UUID) -> Kept | None:
    """As `claim`, and note what is being made; return nothing if that was begun before and has not ended."""
    found = await _take(tx, key)
    if found is None:
        await fill_key(tx, tenant_id=key.tenant_id, key=key.key, made={"id": str(made)}, status=None)
    return None if found is None else _kept(found)


async def _take(tx: AsyncConnection, key: RequestKey) -> KeyRow | None:
    """Insert a key; return it as it is kept if it was there."""
    for _ in range(2):
        try:
            mine = await claim_key(
                tx, tenant_id=key.tenant_id, key=key.key, fingerprint=key.fingerprint, kept_for=KEPT_FOR
            )
        except DBAPIError as error:
            if is_lock_timeout(error):
                break
            raise
        if mine:
            return None
        found = await _read(tx, key)
        if found is not None:
            return found
        await drop_expired_key(tx, tenant_id=key.tenant_id, key=key.key)
    raise ConflictError(_UNDER_WAY)


async def _read(tx: AsyncConnection, key: RequestKey) -> KeyRow | None:
    found = await read_key(tx, tenant_id=key.tenant_id, key=key.key)
    if found is None or found.expired:
        return None
    if found.fingerprint != key.fingerprint:
        raise KeyReusedError
    return found


def _kept(found: KeyRow) -> Kept | None:
    """Return what was answered; nothing if what the key stands for has not ended."""
    if found.status is None:
        return None
    more = {name: value for name, value in found.made.items() if name != "id"}
    return Kept(UUID(str(found.made["id"])), found.status, more)


async def fill(tx: AsyncConnection, key: RequestKey, kept: Kept) -> None:
    """Note what was made for a key that this transaction took."""
    made = {"id": str(kept.made), **kept.more}
    await fill_key(tx, tenant_id=key.tenant_id, key=key.key, made=made, status=kept.status)


class OncePerKey:
    """A request with its key, as `core.once.OnceInParts`; `status` is what its first answer will have."""

    def __init__(self, key: RequestKey, *, status: int, kept: Kept | None) -> None:
        self.key: Final = key
        self.kept: Kept | None = kept
        self._status: Final = status

    async def take(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        """See `Once.take`."""
        if self.kept is None:
            self.kept = await claim(tx, self.key)
        if self.kept is None:
            await fill(tx, self.key, Kept(made, self._status))
        return self.kept

    async def note(self, tx: AsyncConnection, made: UUID, more: Mapping[str, JsonValue]) -> None:
        """See `Once.note`."""
        await fill(tx, self.key, Kept(made, self._status, more))

    async def begin(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        """See `OnceInParts.begin`."""
        if self.kept is None:
            self.kept = await begin(tx, self.key, made)
        return self.kept

    async def count(self, tx: AsyncConnection, what: str, number: int) -> bool:
        """See `OnceInParts.count`."""
        return await count_for_key(tx, tenant_id=self.key.tenant_id, key=self.key.key, what=what, number=number)

    async def end(self, tx: AsyncConnection) -> Kept | None:
        """See `OnceInParts.end`."""
        mine = await end_key(tx, tenant_id=self.key.tenant_id, key=self.key.key, status=self._status)
        kept = await look(tx, self.key)
        if not mine:
            self.kept = kept
        return kept
