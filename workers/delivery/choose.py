"""Which of the two senders sends: the setting `SENDER` says."""

import ssl

from core.model.addresses import Network
from core.model.proxy import Proxy
from core.resolver import Resolver
from core.settings import SenderName
from workers.delivery.exchange import Sender
from workers.delivery.pool import IDLE_SECONDS
from workers.delivery.send import HttpxSender
from workers.delivery.wire_send import WireSender


def sender_of(
    name: SenderName,
    resolver: Resolver,
    *,
    allowed: tuple[Network, ...] = (),
    tls: ssl.SSLContext | None = None,
    idle_seconds: float = IDLE_SECONDS,
    proxy: Proxy | None = None,
) -> Sender:
    """Return a sender; it must be closed."""
    if name == "wire":
        return WireSender(resolver, allowed=allowed, tls=tls, idle_seconds=idle_seconds, proxy=proxy)
    return HttpxSender(resolver, allowed=allowed, tls=tls, idle_seconds=idle_seconds, proxy=proxy)
