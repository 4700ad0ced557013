"""How many requests go to each host, whosever they are: no host's slowness takes all that a deliverer can send.

```
take ──► host full? ──► the lane stands aside ──► an end makes room ──► the lane stands in turn again
```
"""

from collections import OrderedDict
from functools import lru_cache
from typing import Final
from uuid import UUID

from core.model.targets import InvalidTargetError, parse_target
from workers.delivery.lane import Lane

KNOWN: Final = 10_000
"""Lanes whose host is remembered while they have nothing to do."""


class Hosts:
    """Counts what is on the wire to each host; not shared between threads.

    A lane's host is known by its first claim. Until then one of its deliveries goes at a time, so that a host gets
    more than its cap by no more than one for each new lane.
    """

    def __init__(self, cap: int) -> None:
        """Count nothing yet; `cap` is of each host."""
        self._cap: Final = cap
        self._in_flight: Final[dict[str, int]] = {}
        self._known: Final[OrderedDict[UUID, tuple[str, str]]] = OrderedDict()
        self._aside: Final[dict[str, OrderedDict[UUID, Lane]]] = {}

    def meet(self, lane: Lane) -> None:
        """Tell a new lane what is known of it."""
        _, lane.host = self._known.get(lane.id, ("", None))

    def learn(self, lane: Lane, url: str) -> bool:
        """Learn where a lane sends to; tell whether that is new."""
        known = self._known.get(lane.id)
        if known is not None and known[0] == url and lane.host is not None:
            return False
        before, lane.host = lane.host, host_of(url)
        self._known[lane.id] = url, lane.host
        self._known.move_to_end(lane.id)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        if before is not None:
            self._add(before, -lane.in_flight)
        self._add(lane.host, lane.in_flight)
        return True

    def is_full(self, lane: Lane) -> bool:
        """Tell whether a lane may start nothing for its host's sake; it stands aside then, or waits for its claim."""
        if lane.host is None:
            return lane.in_flight > 0
        if self._in_flight.get(lane.host, 0) < self._cap:
            return False
        self._aside.setdefault(lane.host, OrderedDict())[lane.id] = lane
        return True

    def take(self, lane: Lane) -> None:
        """Count one that starts."""
        if lane.host is not None:
            self._add(lane.host, 1)

    def give_back(self, lane: Lane) -> None:
        """Count one that has ended."""
        if lane.host is not None:
            self._add(lane.host, -1)

    def freed(self) -> list[Lane]:
        """Return lanes that stood aside, as many as there is room for now."""
        found: list[Lane] = []
        for host, lanes in list(self._aside.items()):
            room = min(len(lanes), self._cap - self._in_flight.get(host, 0))
            found += [lanes.popitem(last=False)[1] for _ in range(room)]
            if not lanes:
                del self._aside[host]
        return found

    def _add(self, host: str, count: int) -> None:
        there = self._in_flight.get(host, 0) + count
        if there > 0:
            self._in_flight[host] = there
        else:
            self._in_flight.pop(host, None)


@lru_cache(KNOWN)
def host_of(url: str) -> str:
    """Return the host of a URL; what is none has the empty one."""
    try:
        return parse_target(url).host
    except InvalidTargetError:
        return ""
