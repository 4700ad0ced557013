"""Connections kept for the next request, by origin.

httpx's own pool looks at all its connections for every request: 12 ms of CPU each with 200 of them. Here
each step of a request is of constant cost, and the last one used is the first one taken, so that the others can age.
"""

import asyncio
from collections import OrderedDict
from typing import Final, Generic, Protocol, TypeVar

import httpcore

from core.clock import monotonic
from core.model.outcome import RESPONSE_HEADERS_LIMIT
from workers.delivery.place import Origin
from workers.delivery.wire import Wire

IDLE_SECONDS: Final = 75.0
IDLE_LIMIT: Final = 4096


class Connection(httpcore.AsyncHTTP11Connection):
    """HTTP/1.1 on one wire, for one origin."""

    READ_NUM_BYTES = 8 * 1024
    MAX_INCOMPLETE_EVENT_SIZE = RESPONSE_HEADERS_LIMIT

    def __init__(self, origin: Origin, wire: Wire) -> None:
        super().__init__(origin=url_of(origin, b"/").origin, stream=wire)
        self.origin = origin
        self.wire = wire

    def drop(self) -> None:
        """Drop it in the loop's next turn."""
        self.wire.abort()

    def is_fresh(self) -> bool:
        """Tell whether a request can be sent: the other side has neither closed nor sent more than asked for.

        Bytes beyond the last answer would be taken for the answer to the next request.
        """
        return self.is_clean() and not self.has_expired()

    def is_clean(self) -> bool:
        """Tell whether the last answer was read to its end, and nothing came after it."""
        leftover, _ = self._h11_state.trailing_data
        return self.is_idle() and not leftover


def url_of(origin: Origin, target: bytes) -> httpcore.URL:
    """Return the URL of a request; `target` is the path and query as sent."""
    return httpcore.URL(scheme=origin.scheme.encode(), host=origin.host.encode(), port=origin.port, target=target)


class Keepable(Protocol):
    """A connection that may be kept."""

    @property
    def origin(self) -> Origin:
        """Whose it is."""
        ...

    def drop(self) -> None:
        """Drop it in the loop's next turn."""
        ...

    def is_clean(self) -> bool:
        """Tell whether its last answer was read to an end that another request may follow."""
        ...

    def is_fresh(self) -> bool:
        """Tell whether a request can be sent on it now, as far as the kernel knows."""
        ...


K = TypeVar("K", bound=Keepable)


class IdleConnections(Generic[K]):
    """A bounded store of idle connections; closes what was idle for too long by itself."""

    def __init__(self, *, seconds: float = IDLE_SECONDS, limit: int = IDLE_LIMIT) -> None:
        self._seconds = seconds
        self._limit = limit
        self._since: OrderedDict[K, float] = OrderedDict()
        self._by_origin: dict[str, list[K]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._since)

    def take(self, origin: Origin) -> K | None:
        """Take out the connection used last that is still fresh; dead ones met on the way are dropped."""
        while connections := self._by_origin.get(origin.key):
            connection = connections.pop()
            self._forget(connection)
            if connection.is_fresh():
                return connection
            connection.drop()
        return None

    def give(self, connection: K) -> None:
        """Keep a connection whose answer is read, if it can be used again; drop it otherwise.

        Whether the other side has closed it meanwhile is looked up by `take`: once for each request.
        """
        if not connection.is_clean():
            connection.drop()
            return
        self._since[connection] = monotonic()
        kept = self._by_origin.get(connection.origin.key)
        if kept is None:
            self._by_origin[connection.origin.key] = [connection]
        else:
            kept.append(connection)
        if len(self._since) > self._limit:
            self._drop_oldest()
        self._arm()

    def drop_all(self, origin: Origin) -> None:
        """Drop all of an origin."""
        for connection in self._by_origin.pop(origin.key, ()):
            del self._since[connection]
            connection.drop()

    def close(self) -> None:
        """Drop all."""
        while self._since:
            self._drop_oldest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop_oldest(self) -> None:
        connection = next(iter(self._since))
        del self._by_origin[connection.origin.key][0]  # the oldest of all is the oldest of its origin
        self._forget(connection)
        connection.drop()

    def _forget(self, connection: K) -> None:
        del self._since[connection]
        if not self._by_origin[connection.origin.key]:
            del self._by_origin[connection.origin.key]

    def _arm(self) -> None:
        if self._timer is None and self._since:
            due = next(iter(self._since.values())) + self._seconds - monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(due, 0.0), self._expire)

    def _expire(self) -> None:
        self._timer = None
        while self._since and next(iter(self._since.values())) + self._seconds <= monotonic():
            self._drop_oldest()
        self._arm()
