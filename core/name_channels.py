"""c-ares channels, each with a cache of answers; one that may hold a wrong one is replaced.

c-ares keeps an answer without data for an hour, whatever its SOA record says (RFC 2308, section 5; c-ares issue 1293):
a name that had no address for a moment would not be found for as long.
"""

from dataclasses import dataclass, field
from typing import Final

import aiodns
import pycares

from core import clock

_TIMEOUT: Final = 1.0  # seconds for the first try, twice as long for each one after it
_TRIES: Final = 4
"""Of a name server that answers quickly c-ares expects it, and asks again after 0.25 s: 3.75 s in all, 15 s else."""
_NOSEARCH: Final = 1 << 5  # ARES_FLAG_NOSEARCH and, below, ARES_FLAG_EDNS of ares.h; pycares gives them no type
_EDNS: Final = 1 << 8
_NODATA: Final = 1  # ARES_ENODATA of ares.h
_FRESH: Final = 1.0
"""Seconds for which a channel's word is taken that a name has no data: no more than one is opened in that time."""


@dataclass(slots=True, eq=False)
class _Channel:
    resolver: aiodns.DNSResolver
    opened_at: float
    users: int = field(default=0)
    retired: bool = field(default=False)

    async def look_up(self, host: str) -> pycares.AddrInfoResult:
        self.users += 1
        try:
            return await self.resolver.getaddrinfo(host)
        finally:
            self.users -= 1
            if self.retired and self.users == 0:
                await self.resolver.close()


class NameChannels:
    """Looks names up by the channel of the moment, opened at the first use."""

    def __init__(self) -> None:
        self._open: set[_Channel] = set()
        self._present: _Channel | None = None

    async def look_up(self, host: str) -> pycares.AddrInfoResult:
        """Return what is known of a name; raises `aiodns.error.DNSError`."""
        channel = self._opened()
        try:
            return await channel.look_up(host)
        except aiodns.error.DNSError as error:
            if error.args[0] != _NODATA or not self._replaced(channel):
                raise
        return await self._opened().look_up(host)

    async def aclose(self) -> None:
        """Give up what is under way."""
        channels, self._open, self._present = self._open, set(), None
        for channel in channels:
            await channel.resolver.close()

    def _opened(self) -> _Channel:
        if self._present is None:
            resolver = aiodns.DNSResolver(timeout=_TIMEOUT, tries=_TRIES, flags=_NOSEARCH | _EDNS)
            self._present = _Channel(resolver, clock.monotonic())
            self._open = {channel for channel in self._open if channel.users > 0} | {self._present}
        return self._present

    def _replaced(self, channel: _Channel) -> bool:
        """Tell whether there is a channel that knows better than this one."""
        if channel not in self._open:  # closed
            return False
        if channel is self._present:
            if clock.monotonic() - channel.opened_at < _FRESH:
                return False
            channel.retired, self._present = True, None
        return True
