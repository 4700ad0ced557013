"""Which figures of a result stand in its table, and in which order."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

_CPU: Final = {
    "CPU API": "cpu_ms_per_1000/api",
    "deliverer": "cpu_ms_per_1000/deliverer",
    "Postgres": "cpu_ms_per_1000/postgres",
    "broker": "cpu_ms_per_1000/broker",
    "all": "cpu_ms_per_1000/all",
}
_RECEIPT: Final = {
    "receipt p50 ms": "to_receipt/p50_ms",
    "p99": "to_receipt/p99_ms",
    "p99.9": "to_receipt/p999_ms",
}
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "goals": {
        "figure": "figure",
        "goal": "goal",
        "median": "median",
        "lowest": "lowest",
        "highest": "highest",
        "reached": "reached",
    },
    "accept": {
        "events a request": "batch",
        "connections": "connections",
        "endpoints": "endpoints",
        "known by": "keyed",
        "events/s": "events_per_second",
        "p50 ms": "p50_ms",
        "p99 ms": "p99_ms",
        "CPU API": "cpu_ms_per_1000/api",
        "Postgres": "cpu_ms_per_1000/postgres",
        "broker": "cpu_ms_per_1000/broker",
        "all": "cpu_ms_per_1000/all",
    },
    "dashboard": {
        "asked for": "asked",
        "requests": "requests",
        "p50 ms": "p50_ms",
        "p95 ms": "p95_ms",
        "longest": "max_ms",
        "CPU API": "cpu_ms_per_1000/api",
        "Postgres": "cpu_ms_per_1000/postgres",
        "all": "cpu_ms_per_1000/all",
    },
    "deliver": {
        "transport": "transport",
        "endpoints": "endpoints",
        "deliveries/s": "deliveries_per_second",
        "connections": "connections",
        "CPU deliverer": "cpu_ms_per_1000/deliverer",
        "Postgres": "cpu_ms_per_1000/postgres",
        "broker": "cpu_ms_per_1000/broker",
        "all": "cpu_ms_per_1000/all",
        "MiB": "deliverer/most_resident_mib",
        "duplicates": "duplicates",
    },
    "through": {
        "load": "load",
        "events/s": "accepted_per_second",
        "answer p50 ms": "to_answer/p50_ms",
        "p99 ms": "to_answer/p99_ms",
        **_RECEIPT,
        **_CPU,
    },
    "fanout": {
        "endpoints": "endpoints",
        "answer ms": "to_answer_ms",
        "last receipt ms": "to_last_receipt_ms",
        "of the first event ms": "first_event_to_last_receipt_ms",
        "CPU of 1,000 deliveries": "cpu_ms_per_1000_deliveries/all",
    },
    "isolation": {"phase": "phase", "events": "events", **_RECEIPT, "CPU of 1,000 events": "cpu_ms_per_1000/all"},
    "growth": {
        "rows": "rows",
        "GiB": "database_gib",
        "times the first": "times_fewest",
        "events/s": "delivered_per_second",
        **_RECEIPT,
        **_CPU,
    },
    "memory": {
        "transport": "transport",
        "on the wire": "in_flight",
        "MiB": "deliverer/resident_mib",
        "at its most": "deliverer/most_resident_mib",
    },
    "naive": {
        "system": "system",
        "delivered/s": "delivered_per_second",
        "CPU API": "cpu_ms_per_1000/api",
        "deliverer": "cpu_ms_per_1000/deliverer",
        "worker": "cpu_ms_per_1000/worker",
        "Postgres": "cpu_ms_per_1000/postgres",
        "broker": "cpu_ms_per_1000/broker",
        "all": "cpu_ms_per_1000/all",
    },
}


def look_up(row: Mapping[str, object], path: str) -> object:
    """Return a figure by its path; `None` if it is not there."""
    name, _, rest = path.partition("/")
    found = row.get(name)
    if not rest:
        return found
    return look_up(cast("dict[str, object]", found), rest) if isinstance(found, dict) else None


def table(columns: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> str:
    """Return a Markdown table."""
    lines = [list(columns), ["---:"] * len(columns)]
    lines += [[_text(look_up(row, path)) for path in columns.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case float() if value >= 100:  # noqa: PLR2004 - three digits say enough
            return f"{value:,.0f}"
        case float():
            return f"{value:.3g}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
