"""From an event and an endpoint to the request that goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.lease.signing import signed_headers
from core.model.signature import SigningKey
from workers.delivery.exchange import OutgoingRequest


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an event goes, and how: `headers` are the endpoint's own, `timeout` is in seconds."""

    lane: UUID
    url: str
    keys: Sequence[SigningKey]
    headers: Mapping[str, str]
    timeout: float
    tenant: UUID | None = None


def build_request(
    destination: Destination, *, event_id: str, body: bytes, timestamp: int, version: str
) -> OutgoingRequest:
    """Return the signed request of one attempt (Standard Webhooks 1.0.0).

    `timestamp` is the attempt's, in Unix seconds; `body` goes out byte for byte. Ringback's own headers
    come last and replace any of the same name, whatever its case.
    """
    return OutgoingRequest(
        lane=destination.lane,
        url=destination.url,
        headers=signed_headers(
            destination.keys,
            destination.headers,
            event_id=event_id,
            body=body,
            timestamp=timestamp,
            version=version,
        ),
        body=body,
        timeout=destination.timeout,
        tenant=destination.tenant,
    )
