"""What people who look at a million deliveries wait for: every filter that the dashboard offers, and its first page.

Evenly over four weeks and 200 endpoints; 99 of 100 succeeded, ten of them of a rare type, the oldest. A row is one
filter, asked for as the page asks for it; the last ones are all filters of a list with each other, each of their
values that is common, rare or found nowhere. Times are the client's, over a connection that is open. The first page is
opened in Chromium, each time with nothing cached: the sign-in, and the overview of who is signed in; it is painted
when its head can be read, and whole when its figures are there.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.history import ABSENT, COMMON, RARE, add_past
from benchmarks.instruments.figures import latencies, per_thousand
from benchmarks.instruments.first_page import first_pages
from benchmarks.rig import TENANT, Rig, running_rig
from core import clock

WANTED_MS: Final = 200
_LIMIT: Final = "50"
_DELIVERIES: Final = "/v1/deliveries"
_EVENTS: Final = "/v1/events"
_STATS: Final = "/v1/stats"
_DAY: Final = 86_400

Query = Mapping[str, str]
_ANY: Final[Query] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    deliveries: int = 1_000_000
    endpoints: int = 200
    times: int = 40
    times_each: int = 2
    """Of every combination."""
    pages: int = 9


QUICK: Final = Settings(deliveries=20_000, times=5, times_each=1, pages=2)


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("dashboard", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Fill the tables, ask for everything, then open the pages."""
    with running_rig() as rig:
        rig.stop_deliverer()
        rig.make_endpoints([{"url": f"http://127.0.0.1:9999/{n}"} for n in range(settings.endpoints)])
        add_past(rig, TENANT, settings.deliveries)
        options.say("dashboard: filled")
        _ask(rig, _DELIVERIES, [_ANY] * settings.times)  # warm up
        rows = [_row(rig, name, path, [query] * settings.times) for name, path, query in _single(rig)]
        rows += [_row(rig, name, path, [*queries] * settings.times_each) for name, path, queries in _together(rig)]
        wish = {"name": "Somebody who looks", "role": "inspector"}
        key = rig.stack.client.post("/v1/keys", json=wish).raise_for_status().json()["key"]
        pages = first_pages(rig.url, key, times=settings.pages)
    slow = [row["asked"] for row in rows if float(str(row["max_ms"])) > WANTED_MS]
    return {"rows": rows, "first_page": pages, "over_200_ms": slow}


def _single(rig: Rig) -> list[tuple[str, str, Query]]:
    """Return what a page asks by one filter at most, by a name."""
    named = [(name, value) for name, values in _fields(rig) for value in values if value]
    return [
        ("deliveries", _DELIVERIES, _ANY),
        *((f"{name}={_told(name, value)}", _DELIVERIES, {name: value}) for name, value in named),
        ("events", _EVENTS, _ANY),
        *((f"events, type={one}", _EVENTS, {"type": one}) for one in (COMMON, RARE, ABSENT)),
        *((f"events, {name}=nobody", _EVENTS, {name: "nobody"}) for name in ("client_id", "ordering_key")),
        *((f"overview, {window}", _STATS, {"window": window}) for window in ("1h", "24h", "7d")),
    ]


def _together(rig: Rig) -> Iterable[tuple[str, str, Sequence[Query]]]:
    """Return all filters of deliveries with each other, by the status among them."""
    (status, statuses), *others = _fields(rig)
    names = [name for name, _ in others]
    for chosen in statuses:
        mixed = [dict(zip(names, values, strict=True)) for values in itertools.product(*(every for _, every in others))]
        asked = [{name: one for name, one in {status: chosen, **mix}.items() if one} for mix in mixed]
        yield f"{len(asked)} combinations, {f'status={chosen}' if chosen else 'any status'}", _DELIVERIES, asked


def _fields(rig: Rig) -> list[tuple[str, tuple[str, ...]]]:
    """Return the filters of deliveries, each with values that are common, rare and found nowhere; `""` is any."""
    (endpoint,) = rig.stack.client.get("/v1/endpoints", params={"limit": "1"}).raise_for_status().json()["data"]
    now = clock.unix_seconds()
    return [
        ("status", ("", "succeeded", "exhausted", "retrying", "pending")),
        ("event_type", ("", COMMON, RARE, ABSENT)),
        ("response_code", ("", "200", "204", "503", "5xx")),
        ("error", ("", "http_status", "dns")),
        ("endpoint_id", ("", str(endpoint["id"]))),
        ("created_after", ("", _at(now - 8 * _DAY))),
        ("created_before", ("", _at(now - 7 * _DAY))),
    ]


def _told(name: str, value: str) -> str:
    """Return a value as it is worth reading."""
    return {"endpoint_id": "one of them", "created_after": "8 days ago", "created_before": "7 days ago"}.get(
        name, value
    )


def _at(seconds: float) -> str:
    return str(clock.timestamp(clock.at(seconds)))


def _row(rig: Rig, asked: str, path: str, queries: Sequence[Query]) -> dict[str, object]:
    """Ask for all of these; return what they took, and which one took longest."""
    before = rig.spent()
    took = _ask(rig, path, queries)
    costs = per_thousand(rig.spent(before), len(took))
    slowest = max(range(len(took)), key=took.__getitem__)
    figures = {**latencies(took, (50, 95)), "cpu_ms_per_1000": costs, "slowest": dict(queries[slowest])}
    options.say(f"dashboard: {asked}: {figures}")
    return {"asked": asked, "requests": len(took), **figures}


def _ask(rig: Rig, path: str, queries: Sequence[Query]) -> list[float]:
    """Ask; return the seconds until each answer was read."""
    took: list[float] = []
    for query in queries:
        started = clock.monotonic()
        rig.stack.client.get(path, params={"limit": _LIMIT, **query} if path != _STATS else query).raise_for_status()
        took.append(clock.monotonic() - started)
    return took
