"""What makes a request one of Ringback's: its headers, and the secrets that they are signed with."""

from collections.abc import Mapping
from typing import Final

from core.lease.claim import Claimed
from core.model.sealing import KeyRing
from core.model.signature import SigningKey, parse_secret
from core.model.trace_context import HEADER
from core.registry.secrets import TASK_SIGNING, open_secret

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"


def open_keys(ring: KeyRing, claimed: Claimed) -> list[SigningKey]:
    """Open the signing secrets: the task's own, else the endpoint's or the tenant's, newest first."""
    tenant, own = claimed.tenant_id, claimed.sealed_webhook_secret
    if own is not None and claimed.task_id is not None:
        secret = ring.open(own, tenant=tenant, row=claimed.task_id, column=TASK_SIGNING)
        return [parse_secret(secret.decode())]
    return [parse_secret(open_secret(ring, sealed, tenant_id=tenant, secret_id=row)) for row, sealed in claimed.secrets]


def common_headers(version: str) -> dict[str, str]:
    """Return the headers that each of Ringback's requests has alike."""
    return {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": f"Ringback/{version}"}


def own_headers(
    event_id: str, *, timestamp: int, signature: str, version: str, trace: str | None = None
) -> dict[str, str]:
    """Return the headers that are Ringback's own (Standard Webhooks 1.0.0; `trace` is a `traceparent`)."""
    headers = {**common_headers(version), ID: event_id, TIMESTAMP: str(timestamp), SIGNATURE: signature}
    return headers if trace is None else {**headers, HEADER: trace}


def without_own(custom: Mapping[str, str], version: str) -> dict[str, str]:
    """Return an endpoint's headers without those that Ringback's own replace, whatever their case."""
    taken = {name.lower() for name in common_headers(version)} | {ID, TIMESTAMP, SIGNATURE}
    return {name: value for name, value in custom.items() if name.lower() not in taken}
