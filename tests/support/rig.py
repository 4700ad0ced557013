"""The whole product in a network of its own, in which forbidden addresses answer as readily as public ones.

```
test ──► API, worker, deliverer ──► any address at all ──► Receiver (port 80) ──► "canary"
                    └──► names ──► NameServer             Watch sees every connection that is tried
```
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

import dns.resolver

from tests.support.answers import Answer
from tests.support.name_server import NameServer
from tests.support.own_network import own_network
from tests.support.receiver import Receiver
from tests.support.stack import Stack, running
from tests.support.threaded import ThreadedReceiver
from tests.support.watch import Watch

CANARY: Final = "canary-in-the-answer"
PUBLIC: Final = ("93.184.216.34", "11.22.33.44")
_PUBLIC_NETWORKS: Final = tuple(map(ip_network, ("93.184.216.0/24", "11.22.0.0/16", "2606:2800:220:1::/64")))
_TRAPS: Final = {
    "HTTP_PROXY": "http://10.99.99.1:3128",
    "HTTPS_PROXY": "http://10.99.99.2:3128",
    "ALL_PROXY": "socks5://10.99.99.3:1080",
    "NO_PROXY": "",
}
"""An environment that httpx and requests would obey."""


@dataclass(frozen=True)
class Rig:
    """What a test talks to, and what it looks at."""

    stack: Stack
    names: NameServer
    receiver: ThreadedReceiver
    watch: Watch
    servers: tuple[str, ...]

    @property
    def trespasses(self) -> dict[tuple[str, int], int]:
        """Every address and port that was tried beside the public ones, the API and the name server."""
        harmless = {("127.0.0.1", self.stack.port), *((server, 53) for server in self.servers)}
        tried = self.watch.tried().items()
        return {where: count for where, count in tried if where not in harmless and not _is_public(where[0])}

    @property
    def key_log(self) -> Path:
        """Where TLS keys would leak to."""
        return self.stack.directory / "keys.log"


@contextmanager
def rig(directory: Path, *, database: str, redis: str, sender: str) -> Generator[Rig]:
    """Start it all; raise `NoNetworkError` where no network may be made."""
    broker = redis.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
    servers = tuple(str(server) for server in dns.resolver.Resolver().nameservers)
    answering = Receiver(host="::", port=80)
    answering.script(Answer(200, {"x-canary": CANARY}, CANARY.encode()))
    with (
        own_network(),
        Watch() as watch,
        NameServer(servers) as names,
        ThreadedReceiver(answering) as receiver,
    ):
        stack = Stack(
            directory,
            database=database,
            broker=broker,
            redis=redis,
            ALLOW_TARGETS="",
            SENDER=sender,
            RETRY_SCHEDULE="3600",  # no attempt of a test meets the names of the next
            LEASE="30",
            TIMEOUT="20",  # a question that got lost is asked again after 2 s
        )
        stack.env = {**stack.env, **_TRAPS, "SSLKEYLOGFILE": str(directory / "keys.log")}
        with running(stack):
            yield Rig(stack, names, receiver, watch, servers)


def _is_public(address: str) -> bool:
    return any(ip_address(address) in network for network in _PUBLIC_NETWORKS)
