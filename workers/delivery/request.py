"""From an event and an endpoint to the request that goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

import msgspec

from core.lease.signing import ID, SIGNATURE, TIMESTAMP, common_headers, without_own
from core.model.header_rules import MASK
from core.model.signature import SigningKey, sign
from core.model.trace_context import HEADER
from core.version import VERSION
from workers.delivery.exchange import OutgoingRequest
from workers.delivery.place import Place

NOTHING: Final = "{}"


@dataclass(frozen=True)
class Destination:
    """An endpoint as its requests find it: `headers` are its own."""

    lane: UUID
    url: str
    headers: Mapping[str, str]
    tenant: UUID | None = None
    version: str = VERSION

    @cached_property
    def place(self) -> Place:
        """Where they go. Ringback's own headers come last and replace any of the same name, whatever its case."""
        headers = (*without_own(self.headers, self.version).items(), *common_headers(self.version).items())
        return Place(self.lane, self.url, headers, tenant=self.tenant)

    @cached_property
    def shown(self) -> str:
        """The headers of the place as they are logged, an open JSON object: the endpoint's own are masked."""
        own = without_own(self.headers, self.version)
        masked = {name: MASK if name in own else value for name, value in self.place.headers}
        return msgspec.json.encode(masked).decode().removesuffix("}")

    def log(self, request: OutgoingRequest) -> str:
        """Return a request's headers as they are logged, a JSON object; of what is its own nothing needs an escape."""
        return self.shown + "".join([f',"{name}":"{value}"' for name, value in request.headers]) + "}"


def build_request(
    destination: Destination,
    keys: Sequence[SigningKey],
    *,
    event_id: str,
    body: bytes,
    timestamp: int,
    timeout: float,
    trace: str | None = None,
) -> OutgoingRequest:
    """Return the signed request of one attempt (Standard Webhooks 1.0.0).

    `timestamp` is the attempt's, in Unix seconds; `body` goes out byte for byte; `timeout` is in seconds;
    `trace` is the attempt's `traceparent`.
    """
    signature = sign(keys, message_id=event_id, timestamp=timestamp, body=body)
    own = ((ID, event_id), (TIMESTAMP, str(timestamp)), (SIGNATURE, signature))
    traced = own if trace is None else (*own, (HEADER, trace))
    return OutgoingRequest(destination.place, traced, body, timeout)
