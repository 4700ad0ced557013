"""What makes a request one of Ringback's: its headers, and the secrets that they are signed with."""

from collections.abc import Mapping, Sequence

from core.lease.claim import Claimed
from core.model.sealing import KeyRing
from core.model.signature import SigningKey, parse_secret, sign
from core.registry.secrets import TASK_SIGNING, open_secret


def open_keys(ring: KeyRing, claimed: Claimed) -> list[SigningKey]:
    """Open the signing secrets: the task's own, else the endpoint's or the tenant's, newest first."""
    tenant, own = claimed.tenant_id, claimed.sealed_webhook_secret
    if own is not None and claimed.task_id is not None:
        secret = ring.open(own, tenant=tenant, row=claimed.task_id, column=TASK_SIGNING)
        return [parse_secret(secret.decode())]
    return [parse_secret(open_secret(ring, sealed, tenant_id=tenant, secret_id=row)) for row, sealed in claimed.secrets]


def signed_headers(
    keys: Sequence[SigningKey], custom: Mapping[str, str], *, event_id: str, body: bytes, timestamp: int, version: str
) -> tuple[tuple[str, str], ...]:
    """Return the headers of one attempt (Standard Webhooks 1.0.0); `timestamp` is the attempt's, in Unix seconds.

    Ringback's own come last and replace any of the same name, whatever its case.
    """
    signature = sign(keys, message_id=event_id, timestamp=timestamp, body=body)
    own = own_headers(event_id, timestamp=timestamp, signature=signature, version=version)
    taken = {name.lower() for name in own}
    return (*((name, value) for name, value in custom.items() if name.lower() not in taken), *own.items())


def own_headers(event_id: str, *, timestamp: int, signature: str, version: str) -> dict[str, str]:
    """Return the headers that are Ringback's own (Standard Webhooks 1.0.0)."""
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"Ringback/{version}",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
