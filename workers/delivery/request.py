"""From an event and an endpoint to the request that goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.model.signature import SigningKey, sign
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
    own = {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"Ringback/{version}",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(destination.keys, message_id=event_id, timestamp=timestamp, body=body),
    }
    taken = {name.lower() for name in own}
    custom = tuple((name, value) for name, value in destination.headers.items() if name.lower() not in taken)
    return OutgoingRequest(
        lane=destination.lane,
        url=destination.url,
        headers=(*custom, *own.items()),
        body=body,
        timeout=destination.timeout,
        tenant=destination.tenant,
    )
