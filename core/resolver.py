"""Names to addresses, without holding up the event loop and with no share for one tenant that starves others."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Protocol
from uuid import UUID

from core.model.addresses import Address

THREADS: Final = 128
LANE_SHARE: Final = 4  # of what waits for dead name servers: it takes 32 of them to stop the others

_SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
_Answer = list[tuple[socket.AddressFamily, socket.SocketKind, int, str, _SocketAddress]]


class NameNotResolvedError(Exception):
    """The name has no address, or its name servers did not say."""

    def __init__(self) -> None:
        super().__init__("the name does not resolve")


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def resolve(self, host: str, *, lane: UUID) -> tuple[Address, ...]:
        """Return all IPv4 and IPv6 addresses of an absolute name, at least one.

        Raises `NameNotResolvedError`. May be cancelled at any time.
        """
        ...

    async def aclose(self) -> None:
        """Give up what is under way."""
        ...


@dataclass(slots=True)
class _Lane:
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LANE_SHARE))
    users: int = 0


class ThreadResolver:
    """Asks the system's resolver in threads of its own.

    A look-up that is given up keeps its thread until the system's resolver times out, so that a lane's
    share counts threads, not waiting callers.
    """

    def __init__(self, look_up: Callable[[str], tuple[Address, ...]] | None = None) -> None:
        """Build on another blocking look-up, if one is given."""
        self._look_up = look_up or system_look_up
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="resolve")
        self._lanes: dict[UUID, _Lane] = {}

    async def resolve(self, host: str, *, lane: UUID) -> tuple[Address, ...]:
        """See `Resolver.resolve`. The name is asked for as absolute: no search domain is tried."""
        share = self._lanes.setdefault(lane, _Lane())
        share.users += 1
        try:
            await share.room.acquire()
        except BaseException:
            self._leave(lane)
            raise
        future = self._executor.submit(self._look_up, host)
        future.add_done_callback(_in_loop(asyncio.get_running_loop(), lambda: self._release(lane)))
        return await asyncio.wrap_future(future)

    async def aclose(self) -> None:
        """See `Resolver.aclose`. Threads that still wait for an answer end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _release(self, lane: UUID) -> None:
        self._lanes[lane].room.release()
        self._leave(lane)

    def _leave(self, lane: UUID) -> None:
        share = self._lanes[lane]
        share.users -= 1
        if share.users == 0:
            del self._lanes[lane]


def _in_loop(
    loop: asyncio.AbstractEventLoop, release: Callable[[], None]
) -> Callable[[Future[tuple[Address, ...]]], None]:
    def done(_: Future[tuple[Address, ...]]) -> None:
        with suppress(RuntimeError):  # the loop may have ended before the look-up
            loop.call_soon_threadsafe(release)

    return done


def system_look_up(host: str) -> tuple[Address, ...]:
    """Ask the system's resolver for an absolute name; raise `NameNotResolvedError`. Blocks."""
    try:
        answer: _Answer = socket.getaddrinfo(f"{host}.", None, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(ip_address(str(entry[4][0])) for entry in answer))
    except (OSError, ValueError):  # gaierror is an OSError, a name that cannot be encoded a ValueError
        raise NameNotResolvedError from None
    if not addresses:
        raise NameNotResolvedError
    return addresses
