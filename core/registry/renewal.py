"""Signing secrets as they are brought, made, sealed and shown."""

from dataclasses import dataclass
from typing import Final

from core import clock
from core.model.errors import FieldError, InvalidInputError
from core.model.ids import EndpointId, SecretId, TenantId, new_uuid7
from core.model.sealing import KeyRing
from core.model.signature import (
    InvalidSecretError,
    Scheme,
    SigningKey,
    format_secret,
    new_secret,
    parse_secret,
    public_key,
)
from core.registry.secrets import SecretRecord, seal_secret

OVERLAP: Final = 86_400
"""Seconds for which an old secret signs beside the new one, unless told."""
LONGEST_OVERLAP: Final = 7 * 86_400
_PREFIXES: Final = {Scheme.HMAC: "whsec_", Scheme.ED25519: "whsk_"}


@dataclass(frozen=True, slots=True)
class ShownSecret:
    """What a receiver verifies with: the secret itself, or of an Ed25519 key the public half alone."""

    secret: str | None
    public_key: str | None


def show(key: SigningKey) -> ShownSecret:
    """Return what may be shown of a key."""
    return ShownSecret(format_secret(key) if key.scheme is Scheme.HMAC else None, public_key(key))


def signing_key(secret: str | None, scheme: Scheme = Scheme.HMAC, *, pointer: str = "/secret") -> SigningKey:
    """Read a client's own secret, or make one; raise `InvalidInputError` if it is malformed or of another kind."""
    if secret is None:
        return new_secret(scheme)
    try:
        key = parse_secret(secret)
    except InvalidSecretError as error:
        raise InvalidInputError(FieldError(pointer, error.reason)) from None
    if key.scheme is not scheme:
        raise InvalidInputError(FieldError(pointer, f"the secret must start with {_PREFIXES[scheme]}"))
    return key


def new_record(
    ring: KeyRing, key: SigningKey, *, tenant_id: TenantId, endpoint_id: EndpointId | None, unix_seconds: float
) -> SecretRecord:
    """Seal a key as the present one of an endpoint, or of the tenant; the time is the database's."""
    secret_id = SecretId(new_uuid7(unix_seconds))
    return SecretRecord(
        id=secret_id,
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        kind=key.scheme.value,
        sealed=seal_secret(ring, format_secret(key), tenant_id=tenant_id, secret_id=secret_id),
        created_at=clock.now(),
        expires_at=None,
    )
