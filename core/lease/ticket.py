"""The claim token of a pulled delivery: what a deliverer keeps in memory while it sends, sealed.

Whoever brings it back proves that the attempt was handed out: to this tenant, for this endpoint, with this number. So
an acknowledgement needs no look at the database, and a late one is told apart as that of a deliverer is.
"""

import base64
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from core.lease.claim import Claimed, Leased
from core.lease.signing import own_headers
from core.model import ids
from core.model.ids import EndpointId, TenantId
from core.model.sealing import CannotOpenError, KeyRing
from core.version import VERSION

PLACE: Final = "deliveries.claim"
LENGTH: Final = 4096
"""Characters: 700 as a rule, and more for a long schedule."""
_LEASED: Final = Leased.__struct_fields__


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """A claim, when it was made, and what it was signed with; `signed_at` is in Unix seconds."""

    leased: Leased
    event_id: UUID
    claimed_at: datetime
    signed_at: int
    signature: str
    trace: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What was handed out beside the body."""
        webhook_id = ids.encode(ids.EVENT, self.event_id)
        return own_headers(
            webhook_id, timestamp=self.signed_at, signature=self.signature, version=VERSION, trace=self.trace
        )


def ticket_of(claimed: Claimed, *, signed_at: int, signature: str) -> Ticket:
    """Return the ticket of a claim: all of it but what was to be sent."""
    leased = msgspec.convert({name: getattr(claimed, name) for name in _LEASED}, Leased)
    return Ticket(leased, claimed.event_id, claimed.claimed_at, signed_at, signature, claimed.trace)


def write_ticket(ring: KeyRing, ticket: Ticket, *, tenant_id: TenantId, endpoint_id: EndpointId) -> str:
    """Return a ticket as its holder gets it."""
    sealed = ring.seal(msgspec.msgpack.encode(ticket), tenant=tenant_id, row=endpoint_id, column=PLACE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read_ticket(ring: KeyRing, text: str, *, tenant_id: TenantId, endpoint_id: EndpointId) -> Ticket | None:
    """Return what was handed out, or `None` for what was not, not to this tenant or not for this endpoint."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        plain = ring.open(sealed, tenant=tenant_id, row=endpoint_id, column=PLACE)
    except (ValueError, CannotOpenError):
        return None
    return msgspec.msgpack.decode(plain, type=Ticket)
