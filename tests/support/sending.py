"""What tests of the sender share: loopback as an allowed target, and a request to make."""

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from ipaddress import IPv4Network
from uuid import UUID

import trustme

from core.model.addresses import Network
from core.model.proxy import Proxy
from core.settings import SenderName
from tests.support.names import FixedNames
from workers.delivery.choose import sender_of
from workers.delivery.exchange import OutgoingRequest, Sender
from workers.delivery.place import Place

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"),)
LANE = UUID(int=1)
OTHER_LANE = UUID(int=2)
TENANT = UUID(int=3)
OTHER_TENANT = UUID(int=4)
SENDERS: tuple[SenderName, ...] = ("wire", "httpx")
BODY = b'{"type":"a.b","timestamp":"2026-01-01T00:00:00Z","data":{}}'


def outgoing(
    url: str,
    *,
    lane: UUID = LANE,
    tenant: UUID | None = None,
    method: str = "POST",
    timeout: float = 5.0,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = BODY,
) -> OutgoingRequest:
    """Return a request, with a small body unless told otherwise."""
    return OutgoingRequest(Place(lane, url, method=method, tenant=tenant), headers, body, timeout)


class Chosen:
    """Which sender the tests use now; `every_sender` runs them with each."""

    name: SenderName = "wire"


@asynccontextmanager
async def sending(
    *,
    names: Mapping[str, tuple[str, ...]] | None = None,
    allowed: tuple[Network, ...] = LOOPBACK,
    tls: ssl.SSLContext | None = None,
    idle_seconds: float = 60.0,
    proxy: Proxy | None = None,
) -> AsyncGenerator[Sender]:
    """Open a sender that may reach loopback, and knows these names."""
    resolver = FixedNames(names or {})
    sender = sender_of(Chosen.name, resolver, allowed=allowed, tls=tls, idle_seconds=idle_seconds, proxy=proxy)
    try:
        yield sender
    finally:
        await sender.aclose()


def server_tls(authority: trustme.CA, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
    """Return the TLS settings of a receiver with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.issue_cert(*names, not_after=not_after).private_key_and_cert_chain_pem.tempfile() as path:
        context.load_cert_chain(path)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS settings of a sender that trusts this authority only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    return context
