"""Ringback, as the rig runs it."""

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.instruments.load import LANE, NUMBER, Order
from benchmarks.rig import Rig


class Ringback:
    """A lane is an event type of its own."""

    def __init__(self, rig: Rig) -> None:
        self.name: Final = "ringback"
        self.rig: Final = rig

    def begin(self, urls: Sequence[str], *, lanes: int) -> None:
        """Forget everything, then register the endpoints through the API."""
        self.rig.restart_deliverer()
        self.rig.empty(endpoints=True)
        types = (f"bench.e{number % lanes:05d}" for number in range(len(urls)))
        self.rig.make_endpoints([{"url": url, "event_types": [type_]} for url, type_ in zip(urls, types, strict=True)])

    def order(self, *, size: int, lanes: int) -> Order:
        """Return `POST /v1/events` with a client's ID of its own each."""
        line = f'{{"type":"bench.e{LANE}","id":"bench-{NUMBER}","data":{{"mark":"{NUMBER}","pad":"{"x" * size}"}}}}'
        return Order(
            port=self.rig.stack.port,
            path="/v1/events",
            headers={"Authorization": f"Bearer {self.rig.key}", "Content-Type": "application/json"},
            line=line,
            lanes=lanes,
            first=self.rig.next_number,
        )

    def sent(self, count: int) -> None:
        """Go on with the next number."""
        self.rig.take_numbers(count)

    def spent(self, before: Mapping[str, float] | None = None) -> dict[str, float]:
        """Return API, deliverer and stores."""
        return self.rig.spent(before)

    def wait_until_recorded(self) -> None:
        """Ask Postgres."""
        self.rig.wait_until_recorded()
