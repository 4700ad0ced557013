"""How long the API takes for what the dashboard asks, with a million deliveries: by its own log.

Most deliveries succeeded; one in a hundred was given up, one in a thousand waits for its next attempt. Each request is
made as a page makes it, some times over; told is the median, and the longest.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from benchmarks.drivers import options
from benchmarks.filling import add_history
from benchmarks.rig import Rig, running_rig

WANTED_MS: Final = 200
_EXHAUST: Final = """
UPDATE deliveries SET status = 'exhausted', succeeded_at = NULL, last_response_code = 503, last_error = 'http_status'
WHERE status = 'succeeded' AND right(id::TEXT, 2) IN ('00', '01', '02')
"""
_DELAY: Final = """
UPDATE deliveries SET status = 'retrying', succeeded_at = NULL, finished_at = NULL, last_response_code = NULL,
    last_error = 'timeout', due_at = now() + INTERVAL '1 day', wait_reason = 'schedule'
WHERE status = 'succeeded' AND right(id::TEXT, 3) IN ('100', '101', '102', '103')
"""
_ENDPOINTS: Final = 200


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured."""

    deliveries: int = 1_000_000
    times: int = 15


QUICK: Final = Settings(deliveries=20_000, times=3)


class _Line(msgspec.Struct):
    """What the API's log says of a request."""

    event: str = ""
    route: str | None = None
    ms: float = 0


def main(arguments: Sequence[str]) -> None:
    """Measure."""
    options.run("dashboard", __doc__, arguments, measure, whole=Settings(), quick=QUICK)


def measure(settings: Settings) -> dict[str, object]:
    """Fill the tables, then ask."""
    with running_rig() as rig:
        rig.stop_deliverer()
        rig.make_endpoints([{"url": f"http://127.0.0.1:9999/{n}", "event_types": ["none"]} for n in range(_ENDPOINTS)])
        add_history(rig, settings.deliveries, size=200)
        for statement in (_EXHAUST, _DELAY, "VACUUM ANALYZE deliveries"):
            rig.ask(statement)
        asked = {name: _times(rig, path, query, settings.times) for name, (path, query) in _requests(rig).items()}
    found: dict[str, object] = {
        name: {"median_ms": median(took), "longest_ms": max(took)} for name, took in asked.items()
    }
    slow = [name for name, took in asked.items() if median(took) > WANTED_MS]
    return {"requests": found, "over_200_ms": slow}


def _requests(rig: Rig) -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """Return what pages ask, by a name."""
    lists, one = "/v1/deliveries", rig.stack.client.get("/v1/endpoints", params={"limit": "1"}).json()["data"][0]["id"]
    wanted: Mapping[str, Mapping[str, str]] = {
        "all": {},
        "exhausted": {"status": "exhausted"},
        "retrying": {"status": "retrying"},
        "pending, of which there is none": {"status": "pending"},
        "5xx": {"response_code": "5xx"},
        "timeout": {"error": "timeout"},
        "type": {"event_type": "past"},
        "endpoint": {"endpoint_id": one},
        "exhausted of an endpoint": {"endpoint_id": one, "status": "exhausted"},
        "since": {"created_after": "2026-01-01T00:00:00Z"},
    }
    return {**{name: (lists, query) for name, query in wanted.items()}, "overview": ("/v1/stats", {"window": "1h"})}


def _times(rig: Rig, path: str, query: Mapping[str, str], times: int) -> list[float]:
    """Ask so often; return the milliseconds of each, as the log has them."""
    for _ in range(times + 1):  # the first one finds nothing in memory
        rig.stack.client.get(path, params={"limit": "50", **query}).raise_for_status()
    lines = [
        msgspec.json.decode(line, type=_Line) for line in rig.stack.log("api").splitlines() if line.startswith("{")
    ]
    return [line.ms for line in lines if line.event == "request" and line.route == path][-times:]
