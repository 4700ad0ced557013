"""Faults of the network between the product and its stores, and of names."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Final
from urllib.parse import urlsplit

import dns.rcode

from tests.chaos.cluster import APIS, DELIVERERS, PROCESSES, Cluster, pause
from tests.chaos.proxy import FaultProxy, Weather, fault_proxy
from tests.chaos.rounds import Fault, Scene
from tests.support.name_server import NameServer, Said

LATER: Final = "503 within 3 s where Postgres is meant; deliveries and tasks come later."
NAME: Final = "hook.ringback.example"
NAME_SERVER: Final = "127.0.0.77"
FEW: Final = 3
BREAKER: Final = 75
"""Seconds that a circuit breaker may hold back what failed for a quarter of a minute, and some for its probe."""
_SECONDS: Final = 6


def cut(scene: Scene) -> None:
    """Let nothing through to each store in turn, then to all; connections stand."""
    with _proxied(scene.cluster) as proxies:
        for some in (proxies[:1], proxies[1:2], proxies[2:], proxies):
            _weather(some, Weather(cut=True), _SECONDS)


def half_open(scene: Scene) -> None:
    """Let requests through and no answers, then reset every connection in the middle."""
    with _proxied(scene.cluster) as proxies:
        _weather(proxies, Weather(one_way=True), _SECONDS)
        for proxy in proxies:
            proxy.reset_all()
        pause(1)


def slow_network(scene: Scene) -> None:
    """Delay everything, then cut it into small pieces, then reset."""
    with _proxied(scene.cluster) as proxies:
        _weather(proxies, Weather(delay=0.02), _SECONDS)
        _weather(proxies, Weather(slice=97), _SECONDS)
        for proxy in proxies:
            proxy.reset_all()
        pause(1)


def names(scene: Scene) -> None:
    """Let a receiver's name fail, be silent, lead elsewhere, and come back."""
    cluster = scene.cluster
    with _with_plans(cluster, {"names": NAME_SERVER}), NameServer([NAME_SERVER]) as server:
        server.point(NAME, "127.0.0.1")
        url = scene.sink.url(f"{scene.tenant.slug}-named").replace("127.0.0.1", NAME)
        scene.tenant.register("named", wants=False, url=url, event_types=["order.slow"])
        for number in range(FEW):
            scene.tenant.call("POST", "/v1/events", {"type": "order.slow", "data": number})
        for said in (Said(rcode=dns.rcode.SERVFAIL), Said(silent=True), Said(("192.0.2.1",)), Said(("127.0.0.1",))):
            server.say(NAME, said)
            pause(3)
        for _ in range(BREAKER):  # what is left when the name server goes would never be resolved
            if len(scene.sink.times(f"{scene.tenant.slug}-named")) >= FEW:
                return
            pause(1)
        scene.found.append(f"p11_liveness: not delivered {BREAKER} s after its name came back")


def _weather(proxies: list[FaultProxy], weather: Weather, seconds: float) -> None:
    for proxy in proxies:
        proxy.weather = weather
    pause(seconds)
    for proxy in proxies:
        proxy.weather = Weather()
    pause(2)


@contextmanager
def _proxied(cluster: Cluster) -> Generator[list[FaultProxy]]:
    """Put a proxy in front of each store, and the product behind them, while the block runs."""
    before = dict(cluster.urls)
    redis, postgres = urlsplit(before["REDIS_URL"]), urlsplit(before["DATABASE_URL"])
    sockets = Path(postgres.query.partition("host=")[2].partition("&")[0])
    with ExitStack() as stack:
        proxies = [
            stack.enter_context(fault_proxy(place))
            for place in (sockets / ".s.PGSQL.5432", urlsplit(before["BROKER_URL"]).port or 0, Path(redis.path))
        ]
        cluster.urls["DATABASE_URL"] = f"postgresql://ringback@127.0.0.1:{proxies[0].port}/ringback"
        cluster.urls["BROKER_URL"] = f"amqp://guest:guest@127.0.0.1:{proxies[1].port}//"
        cluster.urls["REDIS_URL"] = f"redis://127.0.0.1:{proxies[2].port}/1"
        _roll(cluster)
        try:
            yield proxies
        finally:
            cluster.urls.update(before)
            _roll(cluster)


def _roll(cluster: Cluster) -> None:
    cluster.restart(*PROCESSES, how=SIGTERM)
    cluster.wait_until_ready(*APIS)


@contextmanager
def _with_plans(cluster: Cluster, plan: dict[str, str]) -> Generator[None]:
    for name in (*APIS, *DELIVERERS):
        cluster.plans[name] = {"names": plan["names"]}
    cluster.restart(*APIS, *DELIVERERS, how=SIGTERM)
    cluster.wait_until_ready(*APIS)
    try:
        yield
    finally:
        for name in (*APIS, *DELIVERERS):
            cluster.plans.pop(name)
        cluster.restart(*APIS, *DELIVERERS, how=SIGTERM)
        cluster.wait_until_ready(*APIS)


FAULTS = (
    Fault("F17", "network cut between the product and each store", cut, LATER, "P1 P11"),
    Fault("F17b", "network half open, then reset", half_open, LATER, "P1 P11"),
    Fault("F18", "network slow, in small pieces, reset in the middle", slow_network, "Slower answers.", "P1 P7"),
    Fault("F22", "names that fail, are silent, lead elsewhere", names, "The attempt fails with `dns`.", "P1 P6"),
)
