"""From a host to a connection, past the guard: resolve once, judge every address, connect to one of those.

```
host ──► resolve ──► judge all ──► connect to a judged address ──► compare the peer ──► TLS by name
                                   or by a tunnel through the proxy ─────────────────┘
```
"""

import asyncio
import ssl
from ipaddress import ip_address
from typing import Final, cast
from uuid import UUID

import certifi

from core.clock import monotonic
from core.model.addresses import Address, Network, judge
from core.model.outcome import ErrorClass
from core.model.proxy import Proxy
from core.resolver import NameNotResolvedError, Resolver
from workers.delivery.floods import Floods
from workers.delivery.place import Origin
from workers.delivery.probe import ExchangeError, Probe, milliseconds_since
from workers.delivery.tunnel import open_tunnel
from workers.delivery.wire import Wire

TRIED_ADDRESSES: Final = 3
_PATIENCE: Final = 3.0  # seconds for one address while others are left


class DialError(ExchangeError):
    """There is no connection; `error` says at which stage."""


def client_tls() -> ssl.SSLContext:
    """Make the TLS settings of a client that trusts certifi's authorities.

    Built by hand: the default context lets `SSL_CERT_FILE` change the trust and `SSLKEYLOGFILE` leak keys.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialer:
    """Opens connections that the guard allows, through the proxy that it is given; the environment names none to it."""

    def __init__(
        self, resolver: Resolver, allowed: tuple[Network, ...], tls: ssl.SSLContext, proxy: Proxy | None = None
    ) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._tls = tls
        self._proxy = proxy
        self._floods = Floods()

    async def dial(self, origin: Origin, probe: Probe, *, lane: UUID) -> Wire:
        """Open a connection, for a lane; raise `DialError`. The caller sets the deadline."""
        addresses = await self._judged(origin, probe, lane)
        wire = await self._first_open(addresses[:TRIED_ADDRESSES], origin.port, probe)
        if origin.scheme == "https":
            await self._secure(wire, origin.host, probe)
        return wire

    async def _judged(self, origin: Origin, probe: Probe, lane: UUID) -> tuple[Address, ...]:
        addresses = _literal(origin.host) or await self._resolve(origin, probe, lane)
        # One bad answer fails the name: whoever sends it decides which one would be used next.
        if not all(judge(address, self._allowed) for address in addresses):
            raise DialError(ErrorClass.BLOCKED_ADDRESS)
        return addresses

    async def _resolve(self, origin: Origin, probe: Probe, lane: UUID) -> tuple[Address, ...]:
        start = monotonic()
        try:
            return await self._resolver.resolve(origin.host, lane=lane, tenant=origin.tenant)
        except NameNotResolvedError as error:
            raise DialError(ErrorClass.DNS) from error
        finally:
            probe.dns = milliseconds_since(start)

    async def _first_open(self, addresses: tuple[Address, ...], port: int, probe: Probe) -> Wire:
        start = monotonic()
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await self._open(address, port, start, probe)
            except (TimeoutError, DialError):
                continue
        return await self._open(addresses[-1], port, start, probe)

    async def _open(self, address: Address, port: int, start: float, probe: Probe) -> Wire:
        probe.address = str(address)
        try:
            wire = await self._connected(address, port, probe)
        except TimeoutError as error:
            raise DialError(ErrorClass.TIMEOUT) from error
        except OSError as error:
            raise DialError(ErrorClass.CONNECT) from error
        probe.connect = milliseconds_since(start)
        if self._proxy is None and (error := _stranger(wire, address)) is not None:
            await wire.aclose()
            raise DialError(error)
        return wire

    async def _connected(self, address: Address, port: int, probe: Probe) -> Wire:
        if self._proxy is None:
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(lambda: Wire(probe, self._floods), str(address), port))[1]
        wire = await open_tunnel(self._proxy, address, port)
        wire.probe, wire.floods = probe, self._floods
        return wire

    async def _secure(self, wire: Wire, host: str, probe: Probe) -> None:
        start = monotonic()
        try:
            await wire.start_tls(self._tls, server_hostname=host)
        except OSError as error:
            await wire.aclose()
            raise DialError(ErrorClass.TLS) from error
        except BaseException:
            wire.abort()
            raise
        probe.tls = milliseconds_since(start)


def _literal(host: str) -> tuple[Address, ...] | None:
    try:
        return (ip_address(host),)
    except ValueError:
        return None


def _stranger(wire: Wire, address: Address) -> ErrorClass | None:
    """Return what is wrong with who is at the other end: nobody any more, or somebody else."""
    peer = cast("tuple[str, int] | None", wire.get_extra_info("peername"))
    if peer is None:
        return ErrorClass.CONNECT
    return None if ip_address(peer[0]) == address else ErrorClass.BLOCKED_ADDRESS
