"""Names to addresses: c-ares asks, and nobody's slow names hold up another's.

```
resolve ──► a place of the lane ──► a place of the tenant ──► c-ares: hosts file, its cache, name servers
```
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Protocol, cast
from uuid import UUID

import aiodns
import pycares

from core.model.addresses import Address
from core.name_channels import NameChannels

LANE_SHARE: Final = 4
TENANT_SHARE: Final = 64
"""Look-ups under way at once. Nothing else limits them: one that waits is a few kilobytes in c-ares."""


class NameNotResolvedError(Exception):
    """The name has no address, or its name servers did not say."""

    def __init__(self) -> None:
        super().__init__("the name does not resolve")


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def resolve(self, host: str, *, lane: UUID, tenant: UUID) -> tuple[Address, ...]:
        """Return all IPv4 and IPv6 addresses of an absolute name, at least one.

        Raises `NameNotResolvedError`. May be cancelled at any time.
        """
        ...

    async def aclose(self) -> None:
        """Give up what is under way."""
        ...


class AresResolver:
    """Asks the name servers of `/etc/resolv.conf`, after `/etc/hosts`; answers are kept for as long as they say.

    A look-up that is given up keeps its places until c-ares is done with it, after some seconds: they count what
    the name servers are asked, not who waits for it.
    """

    def __init__(self) -> None:
        self._channels = NameChannels()
        self._lanes = _Shares(LANE_SHARE)
        self._tenants = _Shares(TENANT_SHARE)

    async def resolve(self, host: str, *, lane: UUID, tenant: UUID) -> tuple[Address, ...]:
        """See `Resolver.resolve`. The name is asked for as absolute: no search domain is tried."""
        await self._lanes.take(lane)
        with _given_back(self._lanes, lane):
            await self._tenants.take(tenant)
        with _given_back(self._lanes, lane), _given_back(self._tenants, tenant):
            answer = asyncio.ensure_future(self._channels.look_up(host))
        answer.add_done_callback(lambda ended: self._release(ended, lane, tenant))
        try:
            return _addresses(await asyncio.shield(answer))
        except aiodns.error.DNSError:
            raise NameNotResolvedError from None

    async def aclose(self) -> None:
        """See `Resolver.aclose`."""
        await self._channels.aclose()

    def _release(self, ended: asyncio.Future[pycares.AddrInfoResult], lane: UUID, tenant: UUID) -> None:
        if not ended.cancelled():
            ended.exception()  # nobody may be there any more who would look at it
        self._tenants.give_back(tenant)
        self._lanes.give_back(lane)


@dataclass(slots=True)
class _Share:
    places: asyncio.Semaphore
    users: int = field(default=0)


class _Shares:
    """As many places for each key; a key that nobody uses is forgotten."""

    def __init__(self, places: int) -> None:
        self._places: Final = places
        self._shares: dict[UUID, _Share] = {}

    async def take(self, key: UUID) -> None:
        """Wait for a place."""
        share = self._shares.setdefault(key, _Share(asyncio.Semaphore(self._places)))
        share.users += 1
        try:
            await share.places.acquire()
        except BaseException:
            self._leave(key, share)
            raise

    def give_back(self, key: UUID) -> None:
        """Leave a place to the next."""
        share = self._shares[key]
        share.places.release()
        self._leave(key, share)

    def _leave(self, key: UUID, share: _Share) -> None:
        share.users -= 1
        if share.users == 0:
            del self._shares[key]


@contextmanager
def _given_back(shares: _Shares, key: UUID) -> Generator[None]:
    try:
        yield
    except BaseException:
        shares.give_back(key)
        raise


def _addresses(answer: pycares.AddrInfoResult) -> tuple[Address, ...]:
    written = (cast("tuple[bytes, int]", node.addr)[0].decode() for node in answer.nodes)
    addresses = tuple(dict.fromkeys(ip_address(address) for address in written))
    if not addresses:
        raise NameNotResolvedError
    return addresses
