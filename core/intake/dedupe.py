"""Idempotency keys: the first answer again, for 24 hours, whatever died in between (IETF draft -07).

A key is written in the transaction of what it protects. What is kept is the status, the `Location` and the ID of what
was made; the body is rebuilt from that, so that erased data stays erased and no secret is kept.
"""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.intake.dedupe_queries import claim_key, drop_expired_key, fill_key, read_key
from core.model.errors import ConflictError, RingbackError
from core.model.ids import TenantId

KEPT_FOR: Final = 24 * 60 * 60
KEY_LENGTH: Final = 255


class KeyReusedError(RingbackError):
    """The key was used for another request."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a request with another body.")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An Idempotency-Key, for one tenant, method and path, with the fingerprint of the body."""

    tenant_id: TenantId
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, tenant_id: TenantId, *, method: str, path: str, key: str, body: bytes) -> "RequestKey":
        """Make the key of a request."""
        return cls(tenant_id, f"{method} {path} {key}", hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class Kept:
    """What was made for a key."""

    made: UUID
    status: int


async def claim(tx: AsyncConnection, key: RequestKey) -> Kept | None:
    """Take a key in this transaction; return what was made for it if somebody had it before.

    Waits for another request that holds the key until that commits. Raises `KeyReusedError` for another body,
    `ConflictError` if the first request is still under way.
    """
    for _ in range(2):
        if await claim_key(tx, tenant_id=key.tenant_id, key=key.key, fingerprint=key.fingerprint, kept_for=KEPT_FOR):
            return None
        found = await read_key(tx, tenant_id=key.tenant_id, key=key.key)
        if found is not None and not found.expired:
            if found.fingerprint != key.fingerprint:
                raise KeyReusedError
            return Kept(UUID(found.made["id"]), found.status or 0)
        await drop_expired_key(tx, tenant_id=key.tenant_id, key=key.key)
    raise ConflictError("A request with this Idempotency-Key is still under way.")


async def fill(tx: AsyncConnection, key: RequestKey, kept: Kept) -> None:
    """Note what was made for a key that this transaction took."""
    await fill_key(tx, tenant_id=key.tenant_id, key=key.key, made=kept.made, status=kept.status)
