"""How fast a backlog drains, and what a delivery costs, by endpoints and with or without TLS.

The deliveries are written in bulk while the deliverer is stopped, each of an event of its own, spread evenly over the
endpoints. Plain and TLS go in turns, on the same stores: what changes with the machine changes for both. Costs are
counted from the moment at which a twentieth has come (the start of the process is not a cost of delivering) until every
outcome is recorded. A connection to each endpoint is opened on the way: with 5,000 endpoints that is one for every ten
deliveries. `cold_per_cent` is the share of the second half that opened one, `warm_cpu_ms_per_1000` what that half cost.
"""

import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import certifi
import msgspec
import trustme

from benchmarks.drivers import options
from benchmarks.filling import prepare_deliveries
from benchmarks.instruments.figures import per_thousand
from benchmarks.instruments.processes import Sink, WrongAnswersError, eventually_counts, running_sink
from benchmarks.instruments.sink import Plan
from benchmarks.rig import Rig, running_rig
from core.clock import monotonic


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    deliveries: int = 50_000
    endpoints: tuple[int, ...] = (1, 200, 5000)
    transports: tuple[str, ...] = ("plain", "tls")
    size: int = options.SIZE


QUICK: Final = Settings(deliveries=10_000, endpoints=(200,), transports=("plain",))


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("deliver", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Measure the transports in turns on one rig."""
    return {"rows": list(_rows(settings))}


def _rows(settings: Settings) -> Iterator[dict[str, object]]:
    with certificates("tls") as (certificate, authorities), running_rig(authorities=authorities) as rig:
        for endpoints in settings.endpoints:
            for transport in settings.transports:
                plan = Plan(ports=endpoints, certificate=certificate if transport == "tls" else None)
                with running_sink(plan) as sink:
                    yield {"transport": transport, **measure_drain(rig, sink, settings, endpoints)}


@contextmanager
def certificates(transport: str) -> Generator[tuple[str | None, Path | None]]:
    """Make an authority and a certificate for the loopback address, if there is to be TLS."""
    if transport == "plain":
        yield None, None
        return
    with tempfile.TemporaryDirectory() as directory:
        authority, certificate = trustme.CA(), Path(directory, "sink.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        authorities = Path(directory, "authorities.pem")
        authorities.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        yield str(certificate), authorities


def measure_drain(rig: Rig, sink: Sink, settings: Settings, endpoints: int) -> dict[str, object]:
    """Let the deliverer drain a backlog; each event has to come, and to be recorded as delivered."""
    rig.stop_deliverer()
    rig.empty(endpoints=True)
    rig.make_endpoints([{"url": sink.url(number), "event_types": ["bench"]} for number in range(endpoints)])
    first = prepare_deliveries(rig, settings.deliveries, size=settings.size)
    sink.clear()
    rig.start_deliverer()
    eventually_counts(sink, settings.deliveries // 20)
    begun, counted, before = monotonic(), sink.count(), rig.spent()
    eventually_counts(sink, settings.deliveries // 2)
    halfway, opened, half_spent = sink.count(), sink.connections(), rig.spent()
    eventually_counts(sink, settings.deliveries)
    rig.wait_until_recorded()
    spent, warm, came = rig.spent(before), rig.spent(half_spent), sink.came()
    _check(rig, came.first_of_each(), range(first, first + settings.deliveries))
    measured, took = settings.deliveries - counted, came.arrivals[-1] - begun
    second = max(1, settings.deliveries - halfway)
    options.say(f"deliver {endpoints}: {measured / took:.0f}/s {per_thousand(spent, measured)}")
    return {
        "endpoints": endpoints,
        "deliveries": measured,
        "deliveries_per_second": round(measured / took, 1),
        "duplicates": len(came.numbers) - settings.deliveries,
        "connections": sink.connections(),
        "cold_per_cent": round((sink.connections() - opened) * 100 / second, 2),
        "cpu_ms_per_1000": per_thousand(spent, measured),
        "warm_cpu_ms_per_1000": per_thousand(warm, second),
        "deliverer": rig.memory("deliverer"),
    }


def _check(rig: Rig, came: dict[int, float], wanted: range) -> None:
    missing = [number for number in wanted if number not in came]
    delivered = int(rig.ask("SELECT count(*) FROM deliveries WHERE status = 'succeeded'"))
    if missing or delivered != len(wanted):
        raise WrongAnswersError(f"{len(missing)} did not come, {delivered} of {len(wanted)} are recorded as delivered")
