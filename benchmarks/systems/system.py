"""What a driver knows of a system that turns events into webhooks: little, so that others can be measured too."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from benchmarks.instruments.load import Order


class System(Protocol):
    """A running system. Event number n is for the endpoints of lane n modulo the number of lanes."""

    @property
    def name(self) -> str:
        """What the result calls it."""
        ...

    def begin(self, urls: Sequence[str], *, lanes: int) -> None:
        """Start anew with one tenant and an endpoint for each URL, number i in lane i modulo `lanes`."""
        ...

    def order(self, *, size: int, lanes: int) -> Order:
        """Return how events are sent, one a request, with `size` bytes of padding; numbers go on where they were."""
        ...

    def sent(self, count: int) -> None:
        """Take note that so many events of the last order were sent: their numbers are used up."""
        ...

    def spent(self, before: Mapping[str, float] | None = None) -> dict[str, float]:
        """Return the CPU seconds of each of its processes and stores, since `before` if that is given."""
        ...

    def wait_until_recorded(self) -> None:
        """Return once the outcome of everything that was sent is recorded, as far as that can be seen."""
        ...
